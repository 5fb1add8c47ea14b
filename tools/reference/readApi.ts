import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import {
  isClassDeclaration,
  isFunctionDeclaration,
  isInterfaceDeclaration,
  isTypeAliasDeclaration,
  isVariableDeclaration,
  type Node,
  type SourceFile,
  SyntaxKind,
} from "typescript/unstable/ast";
import {
  API,
  type Checker,
  NodeBuilderFlags,
  type Project,
  SymbolFlags,
  type Symbol as TypeSymbol,
} from "typescript/unstable/sync";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/tools/reference

/** What the package exports under one name, as its users see it. */
export interface Exported {
  readonly name: string;
  readonly kind: "function" | "class" | "constant" | "type" | "foreign";
  /** Its docstring without tags; empty where it has none. */
  readonly text: string;
  readonly tags: readonly Tag[];
  /** Its declaration, without bodies. */
  readonly code: string;
  /** Where it is declared, from the root of the repository. */
  readonly file: string;
}

/** A tag of a docstring: `param`, `returns`, `throws`. */
export interface Tag {
  readonly name: string;
  readonly text: string;
}

/** An entry point of package.json: `densekit`, `densekit/images`. */
export interface Entry {
  readonly name: string;
  readonly exports: readonly Exported[];
}

/**
 * The public API: what every entry point of package.json exports, read from the sources by the TypeScript that compiles them. Its
 * API is called unstable; package-lock.json holds the version that this was written for.
 */
export function readApi(): readonly Entry[] {
  const manifest: { readonly exports: Readonly<Record<string, string | { readonly types: string }>> } = JSON.parse(
    readFileSync(`${ROOT}package.json`, "utf8"),
  );
  const api = new API({ cwd: ROOT });
  try {
    const [project] = api.updateSnapshot({ openProjects: [`${ROOT}tsconfig.json`] }).getProjects();
    return Object.entries(manifest.exports).flatMap(([path, target]) =>
      typeof target === "string" ? [] : [readEntry(project!, path, target.types)],
    );
  } finally {
    api.close();
  }
}

function readEntry(project: Project, path: string, types: string): Entry {
  const { program, checker } = project;
  const file = program.getSourceFile(types.replace("./dist/", ROOT).replace(/\.d\.ts$/, ".ts"));
  const module = file === undefined ? undefined : checker.getSymbolAtLocation(file);
  if (module === undefined) throw new Error(`${types} of package.json has no source`);
  const exports = checker.getExportsOfModule(module).map((symbol) => {
    const target = symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return exported(checker, symbol.name, target);
  });
  return { name: path.replace(/^\./, "densekit"), exports: exports.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

function exported(checker: Checker, name: string, symbol: TypeSymbol): Exported {
  const nodes = symbol.declarations.map((handle) => {
    const node = handle.resolve();
    if (node === undefined) throw new Error(`${name} has a declaration that cannot be read`);
    return node;
  });
  const { fileName } = nodes[0]!.getSourceFile();
  const file = relative(ROOT, fileName);
  const [, foreign] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
  if (foreign !== undefined) {
    return {
      name,
      kind: "foreign",
      text: `What the package ${foreign} exports as \`${name}\`.`,
      tags: [],
      code: "",
      file,
    };
  }
  return {
    name,
    kind: kindOf(nodes[0]!),
    text: checker.getDocumentationCommentOfSymbol(symbol).trim(),
    tags: checker.getJsDocTagsOfSymbol(symbol).map((tag) => ({ name: tag.name, text: tag.text ?? "" })),
    code: nodes.map((node) => codeOf(checker, name, symbol, node)).join("\n"),
    file,
  };
}

function kindOf(node: Node): Exported["kind"] {
  if (isFunctionDeclaration(node)) return "function";
  if (isClassDeclaration(node)) return "class";
  if (isInterfaceDeclaration(node) || isTypeAliasDeclaration(node)) return "type";
  if (!isVariableDeclaration(node)) throw new Error(`the reference knows no declaration of the kind ${node.kind}`);
  return node.initializer?.kind === SyntaxKind.ArrowFunction ? "function" : "constant";
}

/** The declaration as it stands in the source, without `export` and bodies; types that the source leaves out are filled in. */
function codeOf(checker: Checker, name: string, symbol: TypeSymbol, node: Node): string {
  const source = node.getSourceFile();
  if (isFunctionDeclaration(node)) {
    const head = source.text.slice(node.getStart(source), node.body?.pos ?? node.end).replace(/^export (async )?/, "");
    if (node.type !== undefined) return head.trim().replace(/;$/, "");
    const signature = checker.getSignatureFromDeclaration(node);
    const result = signature && checker.getReturnTypeOfSignature(signature);
    return `${head.trim()}: ${result === undefined ? "unknown" : checker.typeToString(result, node)}`;
  }
  if (isClassDeclaration(node)) return classCode(source, node);
  if (!isVariableDeclaration(node)) return node.getText(source).replace(/^export (declare )?/, "");
  const type = checker.getTypeOfSymbol(symbol);
  const whole = node.initializer?.kind === SyntaxKind.ArrowFunction ? NodeBuilderFlags.NoTruncation : undefined;
  return `const ${name}: ${type === undefined ? "unknown" : checker.typeToString(type, node, whole)}`;
}

function classCode(source: SourceFile, node: Node & { readonly members: readonly Node[] }): string {
  const head = source.text.slice(node.getStart(source), node.members[0]?.pos ?? node.end).replace(/^export /, "");
  const members = node.members.flatMap((member) => {
    const text = source.text.slice(member.getStart(source, true), bodyOf(member)?.pos ?? member.end).trim();
    const bare = text.replace(/^\/\*\*.*?\*\/\s*/s, "");
    return /^(private|protected|#|static \{)/.test(bare) ? [] : [`  ${text.replace(/;?$/, ";")}`];
  });
  return `${head.trim()}\n${members.join("\n")}\n}`;
}

function bodyOf(member: Node): Node | undefined {
  const { body } = member as { readonly body?: Node };
  return body;
}

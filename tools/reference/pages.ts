import type { Entry, Exported } from "./readApi.js";

/** What each entry point is for; one that has no line here has no page, and the tests say so. */
const ABOUT: Readonly<Record<string, string>> = {
  densekit:
    "The commands as functions, trained models, configs. Failures that a user can mend are thrown as `UserError`; its message says what, where and what to do.",
  "densekit/evaluation":
    "COCO and segmentation metrics of results from anywhere, and masks as run lengths. Loads no engine.",
  "densekit/images": "Images read, resized, drawn on and written. Loads no engine.",
  "densekit/graph":
    "Graphs of operators: values with a shape and an element type, their gradients. An operator is a function of values and returns one; nothing is computed until an engine runs the graph.",
  "densekit/nn": "Parameters and layers, for models written as graphs.",
  "densekit/parts":
    "Parts of your own for configs to name: describe one, with a schema of its config keys, and register it ([how](../parts.md)).",
  "densekit/models": "The models that are made of the parts: their graphs, predictors and trainers.",
  "densekit/engines": "Runtimes that run graphs.",
  "densekit/training": "The training loop's pieces.",
};

/** These are described before the others; an export that several entry points have is described once, and linked from the others. */
const FIRST = ["densekit/evaluation", "densekit/images"];

const TITLES = {
  function: "Functions",
  class: "Classes",
  constant: "Constants",
  foreign: "From elsewhere",
  type: "Types",
};

/** `entry point: name (file)` of every export that has no docstring. */
export function undocumented(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ name, exports }) =>
    exports.flatMap((one) => (one.text === "" ? [`${name}: ${one.name} (${one.file})`] : [])),
  );
}

const pageOf = (entry: string): string => `${entry.replaceAll("/", "-")}.md`;

/** The pages of docs/reference by file name: one for each entry point, and their index. */
export function referencePages(entries: readonly Entry[]): ReadonlyMap<string, string> {
  const first = entries.filter(({ name }) => FIRST.includes(name));
  const described = new Map<string, string>();
  const pages = new Map<string, string>();
  for (const entry of [...first, ...entries.filter((one) => !first.includes(one))]) {
    pages.set(pageOf(entry.name), page(entry, described));
  }
  const lines = entries.map(({ name, exports }) => {
    const listed = exports.map((one) => `[${one.name}](${described.get(keyOf(one))})`).join(", ");
    return `## [\`${name}\`](${pageOf(name)})\n\n${aboutOf(name)}\n\n${listed}\n`;
  });
  pages.set(
    "README.md",
    `# Reference of the API\n\nEvery export of every entry point, from the docstrings of the code (made by \`npm run generate\`). How to use it:\n[README](../../README.md#in-your-program).\n\n${lines.join("\n")}`,
  );
  return pages;
}

const keyOf = ({ name, file }: Exported): string => `${file} ${name}`;

function aboutOf(name: string): string {
  const about = ABOUT[name];
  if (about === undefined) throw new Error(`tools/reference/pages.ts does not say what ${name} is for`);
  return about;
}

/** Describes what no page before did, and notes where. */
function page({ name, exports }: Entry, described: Map<string, string>): string {
  const elsewhere = exports.filter((one) => described.has(keyOf(one)));
  const links = elsewhere.map((one) => `[${one.name}](${described.get(keyOf(one))})`).join(", ");
  const also = elsewhere.length === 0 ? "" : `\n\nExported too, and described there: ${links}.`;
  const parts = [`# \`${name}\`\n\n${aboutOf(name)}${also}\n`];
  const anchors = new Map<string, number>();
  for (const [kind, title] of Object.entries(TITLES)) {
    const ones = exports.filter((one) => one.kind === kind && !elsewhere.includes(one));
    if (ones.length === 0) continue;
    parts.push(`## ${title}\n`);
    for (const one of ones) {
      described.set(keyOf(one), `${pageOf(name)}#${anchorOf(one.name, anchors)}`);
      parts.push(section(one));
    }
  }
  return parts.join("\n");
}

/** The anchor that Markdown gives a heading: in lower case, numbered where it occurs again. */
function anchorOf(heading: string, anchors: Map<string, number>): string {
  const anchor = heading.toLowerCase();
  const times = anchors.get(anchor) ?? 0;
  anchors.set(anchor, times + 1);
  return times === 0 ? anchor : `${anchor}-${times}`;
}

function section({ name, text, tags, code }: Exported): string {
  const lines = tags.map((tag) => {
    const [, subject = "", rest = ""] = /^(\S+)\s*(.*)$/s.exec(tag.text) ?? [];
    const said = tag.name === "param" ? `\`${subject}\`: ${rest.replace(/^-\s*/, "")}` : `*${tag.name}* ${tag.text}`;
    return `- ${oneLine(said)}`;
  });
  const declaration = code === "" ? "" : `\n\`\`\`ts\n${code}\n\`\`\`\n`;
  return `### ${name}\n\n${prose(text)}\n${lines.length === 0 ? "" : `\n${lines.join("\n")}\n`}${declaration}`;
}

const prose = (text: string): string => text.replace(/\{@link ([^}]+)\}/g, "`$1`");
const oneLine = (text: string): string => prose(text).replace(/\s+/g, " ");

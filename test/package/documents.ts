import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Api } from "../../lib/cli/api.js";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/package

export const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** The blocks of code of a document in one language. */
export const blocksOf = (file: string, language: string): string[] =>
  [...read(file).matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map(([, block]) => block!);

/** The words of a command line; quotes keep words together. */
export const wordsOf = (line: string): string[] =>
  [...line.replace(/ +#.*/, "").matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);

/** An API whose functions, at any depth, fail when called. */
export function onlyReached(): Api {
  const begins = () => Promise.reject(new Error("the work begins"));
  return new Proxy(begins, { get: () => onlyReached() }) as unknown as Api;
}

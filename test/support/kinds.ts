import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { KindSchema } from "../../lib/schemas/kinds.js";

const lib = fileURLToPath(new URL("../../../lib/", import.meta.url)); // from dist/test/support

/**
 * Checks that a table has every file of its folder, each named after its type in configs.
 *
 * @param others files of the folder that are not kinds, besides index.ts
 */
export function expectTableOf(
  folder: string,
  kinds: readonly { readonly schema: KindSchema }[],
  others: readonly string[],
): void {
  const files = readdirSync(join(lib, folder)).filter((file) => file !== "index.ts" && !others.includes(file));
  expect(kinds.map(({ schema }) => `${schema.shape.type.value}.ts`)).to.have.members(files);
}

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { BACKBONES } from "../../lib/backbones/index.js";

const folder = fileURLToPath(new URL("../../../lib/backbones/", import.meta.url)); // from dist/test

it("the table of backbones has every backbone's file, named after its type", () => {
  const files = readdirSync(folder).filter((file) => /= backboneKind\(/.test(readFileSync(join(folder, file), "utf8")));
  expect(files.length).to.be.above(5);
  expect(BACKBONES.map(({ schema }) => `${schema.shape.type.value}.ts`)).to.have.members(files);
});

import { readFileSync } from "node:fs";
import { expect } from "chai";
import { loadKernels, MODULES } from "../../lib/kernels/load.js";

describe("the compiled kernels", () => {
  for (const name of Object.keys(MODULES) as (keyof typeof MODULES)[]) {
    it(`of ${name} match their source, and have a memory of their own`, () => {
      const source = readFileSync(new URL(`../../../kernels/${name}.ts`, import.meta.url), "utf8");
      const written = [...source.matchAll(/^export function (\w+)/gm)].map(([, kernel]) => kernel);
      expect([...MODULES[name]]).to.have.members(written);
      const { kernels, memory } = loadKernels(name);
      for (const kernel of MODULES[name]) expect(kernels).to.have.property(kernel).that.is.a("function");
      expect(loadKernels(name).memory).to.not.equal(memory);
    });
  }
});

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { z } from "zod";
import type { Engine } from "../../lib/engines/engine.js";
import { ENGINES, engineConfig, engineOf, openEngine } from "../../lib/engines/index.js";
import { type EngineKind, engineKind } from "../../lib/engines/kind.js";
import { input, mul, scalar } from "../../lib/graph/index.js";
import { userMessage } from "../support/failure.js";

const folder = fileURLToPath(new URL("../../../lib/engines/", import.meta.url)); // from dist/test

describe("the table of engines", () => {
  it("has every folder, named after its engine's type", () => {
    const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(ENGINES.map(({ name }) => name)).to.have.members(folders.map(({ name }) => name));
  });

  it("opens the engine chosen by a config", async () => {
    for (const [type, name] of [
      ["onnxruntime", "onnxruntime (cpu)"],
      ["tfjs", "tfjs (wasm)"],
    ] as const) {
      const engine = await openEngine(engineConfig.parse({ type, backends: ["wasm"] }), { training: true });
      expect(engine.name).to.equal(name);
      const program = await engine.compile({ y: mul(input("x", [2]), scalar(3)) });
      expect(await program.run({ x: Float32Array.of(2, 7) })).to.deep.equal({ y: Float32Array.of(6, 21) });
      await program.dispose();
    }
  });

  it("refuses to train on engines that cannot, and names those that can", async () => {
    const toy = engineKind({
      name: "toy",
      keys: { loud: z.boolean().default(false) },
      capabilities: { training: false, precisions: ["int8"], dynamicShapes: true },
      open: async ({ loud }): Promise<Engine> => {
        throw new Error(`no program of a toy${loud ? "!" : ""}`);
      },
      examine: async () => [],
    });
    const kinds = [...ENGINES, toy] as readonly unknown[] as readonly EngineKind[];
    expect(engineOf({ type: "toy" }, {}, kinds).name).to.equal("toy");
    expect(await userMessage(() => engineOf({ type: "toy" }, { training: true }, kinds))).to.equal(
      "engine.type: toy runs models but trains none; choose onnxruntime or tfjs",
    );
  });

  it("knows whether a program takes inputs of any size", async () => {
    for (const { name, capabilities } of ENGINES) {
      const engine = await openEngine(engineConfig.parse({ type: name, backends: ["wasm"] }));
      const program = await engine.compile({ y: mul(input("x", [2]), scalar(3)) });
      const takes = await program.run({ x: new Float32Array(5) }).then(
        () => true,
        () => false,
      );
      expect(takes, name).to.equal(capabilities.dynamicShapes);
      await program.dispose();
    }
  });
});

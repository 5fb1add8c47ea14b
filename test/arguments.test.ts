import { expect } from "chai";
import * as densekit from "../lib/index.js";
import { userMessage } from "./support/failure.js";

/** Calls as made by a program without a type checker. */
const api = densekit as unknown as Record<string, (options?: unknown) => Promise<unknown>>;

describe("options of the API", () => {
  const config = { task: "detection", model: {}, data: {} };
  const cases: readonly (readonly [call: string, options: unknown, message: string])[] = [
    ["train", undefined, "train: the option config must be a config, such as loadConfig(FILE).config, not undefined"],
    [
      "train",
      { config: "a.yaml" },
      'train: the option config must be a config, such as loadConfig(FILE).config, not "a.yaml"',
    ],
    ["evaluate", {}, "evaluate: the option config must be a config, such as loadConfig(FILE).config, not undefined"],
    [
      "evaluate",
      { config: [] },
      "evaluate: the option config must be a config, such as loadConfig(FILE).config, not an empty list",
    ],
    [
      "predictFiles",
      { config, inputs: ["a.jpg"], outDir: "" },
      'predictFiles: the option outDir must be a path, not ""',
    ],
    [
      "predictFiles",
      { config, inputs: "a.jpg", outDir: "o" },
      'predictFiles: the option inputs must be a list of paths, one at least, not "a.jpg"',
    ],
    [
      "predictFiles",
      { config, inputs: [], outDir: "o" },
      "predictFiles: the option inputs must be a list of paths, one at least, not an empty list",
    ],
    [
      "predictFiles",
      { config, inputs: [5], outDir: "o" },
      "predictFiles: the option inputs must be a list of paths, one at least, not a list with 5",
    ],
    ["exportModel", { config, format: "onnx", out: "" }, 'exportModel: the option out must be a path, not ""'],
    [
      "verifyModel",
      { model: "m.onnx", images: ["a"] },
      "verifyModel: the option config must be a config, such as loadConfig(FILE).config, not undefined",
    ],
    ["report", {}, "report: the option run must be a path, not undefined"],
  ];

  for (const [call, options, message] of cases) {
    it(`${call}(${JSON.stringify(options) ?? ""}) reports the faulty option`, async () => {
      expect(await userMessage(() => api[call]!(options))).to.equal(message);
    });
  }
});

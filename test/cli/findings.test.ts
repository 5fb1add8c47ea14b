import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { TrainOptions } from "../../lib/cli/api.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { recordingApi, run } from "./support.js";

interface Json {
  annotations: { id: number; bbox: number[]; category_id: number }[];
}

describe("the report of train on its data before the first step", () => {
  let data: ShapesData;
  let config: string;
  let changed: string;
  beforeEach(async () => {
    data = await makeShapes(4);
    config = join(data.folder, "config.yaml");
    changed = join(data.folder, "changed.json");
  });
  afterEach(() => rmSync(data.folder, { recursive: true }));

  const write = (change: (json: Json) => void) => {
    const json: Json = JSON.parse(readFileSync(data.annotations, "utf8"));
    change(json);
    writeFileSync(changed, JSON.stringify(json));
    const { data: sets, ...rest } = shapesConfig("detection", data, join(data.folder, "run"));
    const train = { annotations: changed, images: data.images };
    writeFileSync(config, JSON.stringify({ ...rest, data: { ...sets, train } })); // JSON is YAML
  };
  /** A training run that ends normally, or with an error. */
  const train = (...more: string[]) => {
    const begin = async ({ onEvent }: TrainOptions) => {
      onEvent({ type: "start", run: "r", steps: 1, doneSteps: 0, stepsPerEpoch: 1, parameters: 1e6 });
      onEvent({ type: "message", text: "the first step" });
      return {};
    };
    return run(["train", config, ...more], { api: recordingApi({ train: begin }).api });
  };

  it("has what data check finds without decoding images, the rarest first", async () => {
    write(({ annotations }) => {
      for (const i of [0, 1, 2, 3, 4]) annotations[i]!.bbox = [-20, 5, 40, 40];
      annotations[5]!.bbox = [5, 5, 0, 9];
      annotations[7]!.bbox = annotations[6]!.bbox;
    });
    const { code, stderr } = await train();
    expect(code).to.equal(0);
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => line.replaceAll(`${data.folder}/`, ""));
    expect(lines[0]).to.match(/^training 1\.00 M parameters/);
    expect(lines[1]).to.match(/^data check: 1 error, \d+ warnings; densekit data check config\.yaml lists all/);
    expect(lines[2]).to.match(/^ {2}error box, train: changed\.json: annotation 6: the box is empty/);
    const warnings = lines.slice(3, -1);
    expect(warnings.every((line) => line.startsWith("  warning "))).to.equal(true);
    expect(warnings.at(-1)).to.match(/^ {2}warning box, train: and \d+ more$/);
    expect(warnings.filter((line) => line.startsWith("  warning box, train: changed.json"))).to.have.length(3);
    expect(lines.at(-1)).to.equal("the first step");
  });

  it("is empty for sound data, and for resumed runs", async () => {
    write(() => undefined);
    expect((await train()).stderr).to.not.contain("data check");
    write(({ annotations }) => {
      annotations[5]!.bbox = [5, 5, 0, 9];
    });
    expect((await train("--resume")).stderr, "begun by --resume").to.contain("data check: 1 error");
  });

  it("counts the other errors if one makes training impossible", async () => {
    write(({ annotations }) => {
      for (const i of [1, 4]) annotations[i]!.category_id = 99;
    });
    const { code, stderr } = await run(["train", config], { api: (await import("../../lib/cli/api.js")).api });
    expect(code).to.equal(1);
    expect(stderr).to.equal(
      `${changed}: annotation 2: category_id 99 is not in the list of categories ` +
        `(one of 2 errors; densekit data check ${config} lists them)\n`,
    );
  });
});

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { resolveConfig } from "../../lib/config/load.js";
import { readSafetensors } from "../../lib/tensorfiles/safetensors.js";
import type { Tensor } from "../../lib/tensors/tensor.js";
import { checkFit, isBetter, loadCheckpoint, loadLatestCheckpoint, removeOldCheckpoints, saveBest, saveCheckpoint, setAsideAfter } from "../../lib/runs/checkpoint.js";
import type { TrainingState } from "../../lib/runs/state.js";
import { findWeights } from "../../lib/runs/folder.js";
import { userMessage } from "../support/failure.js";

const { config } = resolveConfig({
  task: "segmentation",
  model: {
    backbone: { type: "efficientformer", variant: "nano" },
    neck: { type: "fpn" },
    head: { type: "semanticFpn" },
  },
  data: {
    type: "labelMaps",
    train: { images: "a", labelMaps: "b" },
    val: { images: "a", labelMaps: "b" },
    classes: ["x"],
  },
  training: { steps: 10, optimizer: { type: "adamw", lr: 1e-3 }, schedule: { type: "constant" } },
});

/** Flips a bit of a file's last number. */
const flipped = (name: string) => (folder: string) => {
  const path = join(folder, name);
  const bytes = readFileSync(path);
  bytes[bytes.length - 12] = bytes[bytes.length - 12]! ^ 1;
  writeFileSync(path, bytes);
};

const edited = (what: RegExp, by: string) => (folder: string) => {
  const path = join(folder, "state.json");
  const before = readFileSync(path, "utf8");
  const after = before.replace(what, by);
  expect(after).to.not.equal(before);
  writeFileSync(path, after);
};

describe("checkpoints", () => {
  let run: string;
  beforeEach(() => {
    run = mkdtempSync(join(tmpdir(), "densekit-checkpoint-"));
  });
  afterEach(() => rmSync(run, { recursive: true }));

  const stateAt = (step: number): TrainingState => ({
    step,
    epoch: 1,
    random: { dropPath: [7, 4_000_000_000] },
    metrics: { mIoU: 0.25 },
    evaluatedStep: 1,
    best: { metric: "mIoU", value: 0.25, step: 1 },
    trend: { steps: 30, mean: 0.5, lowest: 0.25 },
    soundStep: 0,
    config,
  });
  const parameters = Float32Array.from({ length: 12 }, (_, i) => 1 / (i + 3));
  const model: [string, Tensor][] = [
    ["a.weight", { dtype: "F32", shape: [2, 4], data: parameters.subarray(0, 8) }],
    ["a.bias", { dtype: "F32", shape: [4], data: parameters.subarray(8) }],
    ["norm.num_batches_tracked", { dtype: "I64", shape: [], data: BigInt64Array.of(5n) }],
  ];
  const optimizer = { mean: Float32Array.from(parameters, (p) => p * 2), square: Float32Array.from(parameters) };
  const save = async (step: number): Promise<string> =>
    (await saveCheckpoint(run, { state: stateAt(step), model, optimizer })).folder;
  const names = () => readdirSync(join(run, "checkpoints")).sort();
  const nameOf = (step: number) => `step-${String(step).padStart(8, "0")}`;

  it("restores exactly what was saved", async () => {
    const folder = await save(3);
    expect(folder).to.equal(join(run, "checkpoints", "step-00000003"));
    const loaded = await loadCheckpoint(folder);
    expect(loaded.state).to.deep.equal(stateAt(3));
    expect(new Map(loaded.model)).to.deep.equal(new Map(model));
    expect(loaded.optimizer.get("mean")?.data).to.deep.equal(optimizer.mean);
    expect(loaded.optimizer.get("square")?.data).to.deep.equal(optimizer.square);
  });

  it("also restores the average of the weights, which the checkpoint's path stands for", async () => {
    const average = { tensors: model.slice(0, 2), metadata: { ema: "0.9" } };
    const { folder } = await saveCheckpoint(run, { state: stateAt(3), model, optimizer, average });
    const loaded = await loadCheckpoint(folder);
    expect(new Map(loaded.average)).to.deep.equal(new Map(model.slice(0, 2)));
    expect((await readSafetensors(join(folder, "ema.safetensors"))).metadata).to.deep.equal({ ema: "0.9", format: "pt" });
    expect(await findWeights(folder)).to.equal(join(folder, "ema.safetensors"));
    expect(await findWeights(run)).to.equal(join(folder, "ema.safetensors"));
    expect((await loadCheckpoint(await save(4))).average).to.equal(undefined);
  });

  for (const [what, damage, message] of [
    ["missing", (f: string) => rmSync(join(f, "ema.safetensors")), /ema\.safetensors: no such file/],
    ["damaged", flipped("ema.safetensors"), /ema\.safetensors: .*its checksum differs/],
  ] as const) {
    it(`treats a checkpoint whose average is ${what} as damaged`, async () => {
      await save(1);
      const average = { tensors: model };
      damage((await saveCheckpoint(run, { state: stateAt(2), model, optimizer, average })).folder);
      const messages: string[] = [];
      const latest = await loadLatestCheckpoint(run, (text) => messages.push(text));
      expect(latest?.checkpoint.state.step).to.equal(1);
      expect(messages.join()).to.match(message);
    });
  }

  it("keeps the newest, and clears up after runs that were killed", async () => {
    mkdirSync(join(run, "checkpoints", ".tmp-1-2"), { recursive: true });
    for (const step of [1, 2, 9, 10]) await save(step);
    expect(names()).to.deep.equal([1, 2, 9, 10].map(nameOf));
    await removeOldCheckpoints(run, { newest: 10, keep: 2 });
    expect(names()).to.deep.equal([9, 10].map(nameOf));
    await save(10);
    await removeOldCheckpoints(run, { newest: 10, keep: 1 });
    expect(names()).to.deep.equal([nameOf(10)]);
    expect((await loadCheckpoint(join(run, "checkpoints", "step-00000010"))).state.step).to.equal(10);
  });

  it("never removes the one just saved, or a good one in favour of later or damaged ones", async () => {
    for (const step of [2, 4, 6]) await save(step);
    truncateSync(join(run, "checkpoints", nameOf(6), "model.safetensors"), 100);
    truncateSync(join(run, "checkpoints", nameOf(4), "model.safetensors"), 100);
    const latest = await loadLatestCheckpoint(run, () => undefined);
    expect(latest?.damaged).to.deep.equal([nameOf(6), nameOf(4)]);
    const { damaged } = latest!;
    await save(3);
    await removeOldCheckpoints(run, { newest: 3, keep: 1, damaged });
    expect(names()).to.deep.equal([3, 4, 6].map(nameOf));
    await save(5);
    await removeOldCheckpoints(run, { newest: 5, keep: 2, damaged });
    expect(names(), "a damaged one does not count").to.deep.equal([3, 5, 6].map(nameOf));
    await save(6);
    await removeOldCheckpoints(run, { newest: 6, keep: 1, damaged, besides: 3 });
    expect(names(), "one may stay in addition").to.deep.equal([3, 6].map(nameOf));
    expect((await loadLatestCheckpoint(run, () => undefined))?.checkpoint.state.step).to.equal(6);
  });

  it("moves checkpoints after a step out of the way, but does not delete them", async () => {
    for (const step of [2, 4, 6]) await save(step);
    expect(await setAsideAfter(run, 2)).to.deep.equal([4, 6]);
    expect(names()).to.deep.equal([nameOf(2), `${nameOf(4)}.diverged`, `${nameOf(6)}.diverged`]);
    expect((await loadLatestCheckpoint(run, () => undefined))?.checkpoint.state.step).to.equal(2);
    await save(6);
    await setAsideAfter(run, 2);
    expect(names()).to.have.length(3);
  });

  it("reads old checkpoints without checksums", async () => {
    const folder = await save(3);
    const path = join(folder, "state.json");
    const { files: _, sha256: _s, trend: _t, soundStep: _o, ...before } = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...before, format: 1 }));
    const { state } = await loadCheckpoint(folder);
    expect(state).to.deep.equal({ ...stateAt(3), trend: { steps: 0, mean: 0 } });
  });

  it("keeps a metric that is NaN", async () => {
    const state = { ...stateAt(3), metrics: { mIoU: Number.NaN } };
    const { folder } = await saveCheckpoint(run, { state, model, optimizer });
    expect((await loadCheckpoint(folder)).state.metrics).to.deep.equal({ mIoU: Number.NaN });
  });

  const damages: [string, (folder: string) => void, RegExp][] = [
    ["truncated weights", (f) => truncateSync(join(f, "model.safetensors"), 200), /model\.safetensors: .*truncated/],
    [
      "truncated optimiser",
      (f) => truncateSync(join(f, "optimizer.safetensors"), 150),
      /optimizer\.safetensors: .*trunc/,
    ],
    ["a missing file", (f) => rmSync(join(f, "model.safetensors")), /model\.safetensors: no such file/],
    ["a truncated state", (f) => truncateSync(join(f, "state.json"), 40), /state\.json: .*truncated or not JSON/],
    [
      "another state",
      (f) => writeFileSync(join(f, "state.json"), '{"format": 99}'),
      /not a checkpoint state that this version/,
    ],
    ["one wrong bit of a weight", flipped("model.safetensors"), /model\.safetensors: .*its checksum differs/],
    ["one wrong bit of the optimiser", flipped("optimizer.safetensors"), /optimizer\.safetensors: .*its checksum/],
    [
      "another number in its state",
      edited(/"value": 0\.25/, '"value": 0.75'),
      /state\.json: .*its checksum differs/,
    ],
    ["an invalid step", edited(/"step": 2,/, '"step": -2,'), /can read: step: Too small/],
    ["a step before its validation", edited(/"evaluatedStep": 1/, '"evaluatedStep": 7'), /names steps after its own/],
    ["an invalid config", edited(/"steps": 10/, '"steps": "ten"'), /can read: config\.training\.steps: /],
    ["no checksums", edited(/"files": \{[^}]*\},/, ""), /its checksums are missing/],
    [
      "the content of another",
      (f) => cpSync(f.replace(/2$/, "1"), f, { recursive: true }),
      /state\.json: the state is that of step 1/,
    ],
  ];
  for (const [name, damage, message] of damages) {
    it(`falls back to the checkpoint before one with ${name}, and says so`, async () => {
      await save(1);
      damage(await save(2));
      const messages: string[] = [];
      const latest = await loadLatestCheckpoint(run, (text) => messages.push(text));
      expect(latest?.checkpoint.state.step).to.equal(1);
      expect(latest?.folder).to.equal(join(run, "checkpoints", "step-00000001"));
      expect(messages).to.have.length(1);
      expect(messages[0])
        .to.match(message)
        .and.match(/skipping the checkpoint step-00000002/);
    });
  }

  it("falls back from weights and optimiser states with NaN, even with valid checksums", async () => {
    await save(1);
    const nan: [string, Tensor][] = [["x", { dtype: "F32", shape: [2], data: Float32Array.of(1, Number.NaN) }]];
    await saveCheckpoint(run, { state: stateAt(2), model: nan, optimizer });
    await saveCheckpoint(run, { state: stateAt(3), model, optimizer: { mean: Float32Array.of(Infinity) } });
    const messages: string[] = [];
    expect((await loadLatestCheckpoint(run, (text) => messages.push(text)))?.checkpoint.state.step).to.equal(1);
    expect(messages[0]).to.match(/optimizer\.safetensors: mean holds NaN or Infinity; skipping the checkpoint/);
    expect(messages[1]).to.match(/model\.safetensors: x holds NaN or Infinity; skipping the checkpoint/);
  });

  it("reports that all are damaged, and returns nothing if there are none", async () => {
    const silent = () => undefined;
    expect(await loadLatestCheckpoint(run, silent)).to.equal(undefined);
    truncateSync(join(await save(1), "model.safetensors"), 3);
    expect(await userMessage(() => loadLatestCheckpoint(run, silent))).to.match(
      /its only checkpoint is damaged; start over with --restart/,
    );
  });

  it("reports a run's folder that cannot be written", async () => {
    writeFileSync(join(run, "file"), "");
    const work = () => saveCheckpoint(join(run, "file"), { state: stateAt(1), model, optimizer });
    expect(await userMessage(work)).to.match(/cannot write .*step-00000001: a part of the path is not a folder/);
  });

  it("keeps the old checkpoints when a new one cannot be written", async () => {
    await save(1);
    const wrong: [string, Tensor][] = [["x", { dtype: "F32", shape: [3], data: new Float32Array(2) }]];
    const outcome = await saveCheckpoint(run, { state: stateAt(2), model: wrong, optimizer }).then(
      String,
      (error: Error) => error.message,
    );
    expect(outcome).to.match(/"x" has 2 values but shape \[3\]/);
    expect(readdirSync(join(run, "checkpoints"))).to.deep.equal(["step-00000001"]);
  });

  it("finds the weights of a file, a checkpoint and a run", async () => {
    const folder = await save(4);
    expect(await findWeights(folder)).to.equal(join(folder, "model.safetensors"));
    expect(await findWeights(run)).to.equal(join(folder, "model.safetensors"));
    const best = await saveBest(run, model, { metric: "mIoU", value: 0.5, step: 4 });
    expect(await findWeights(run)).to.equal(best);
    expect(await findWeights(best)).to.equal(best);
    expect((await readSafetensors(best)).metadata).to.deep.equal({
      format: "pt",
      metric: "mIoU",
      value: "0.5",
      step: "4",
    });
    expect(await userMessage(() => findWeights(join(run, "none")))).to.match(/cannot read the weights .*none: no such/);
    const empty = join(run, "empty");
    mkdirSync(empty);
    expect(existsSync(empty)).to.equal(true);
    expect(await userMessage(() => findWeights(empty))).to.match(/neither a checkpoint nor a run's folder/);
  });

  it("knows which value of a metric is better", () => {
    expect(isBetter("mIoU", 0.1, undefined)).to.equal(true);
    expect(isBetter("mIoU", 0.2, 0.1)).to.equal(true);
    expect(isBetter("mIoU", 0.1, 0.1)).to.equal(false);
    expect(isBetter("loss", 0.1, 0.2)).to.equal(true);
    expect(isBetter("loss", 0.3, 0.2)).to.equal(false);
    expect(isBetter("mIoU", Number.NaN, undefined)).to.equal(false);
    expect(isBetter("boxAP", -1, undefined), "COCO's undefined").to.equal(false);
  });

  it("refuses the weights of another model, with counts and first names", async () => {
    checkFit("w.safetensors", model, model);
    const other: [string, { shape: number[] }][] = [
      ["a.weight", { shape: [4, 2] }],
      ["norm.num_batches_tracked", { shape: [] }],
      ...["p", "q", "r", "s"].map((name): [string, { shape: number[] }] => [name, { shape: [1] }]),
    ];
    expect(await userMessage(() => checkFit("w.safetensors", model, other))).to.equal(
      "w.safetensors: weights of another model: of its 3 tensors 1 missing (a.bias); " +
        "4 not of this model (p, q, r, …); 1 of another shape (a.weight is [4, 2], not [2, 4]). " +
        "Use the config the weights were trained with",
    );
  });
});

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { shippedConfigs } from "../../lib/config/load.js";
import { UserError } from "../../lib/errors.js";
import { memoryOf } from "../../lib/profile/memory.js";
import { roofOf } from "../../lib/profile/peaks.js";
import { profile } from "../../lib/profile/profile.js";
import type { ProfileOptions } from "../../lib/profile/types.js";

const NANO: ProfileOptions = {
  models: ["efficientformer-nano"],
  overrides: ["engine.threads=1"],
  sizes: [{ height: 64, width: 64 }],
  classes: 10,
  rounds: 2,
  seconds: 0.001,
  within: 1000,
  memory: false,
};

const messageOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => (error instanceof UserError ? error.message : error),
  );

describe("profile", () => {
  it("counts and times a model, its stages and its blocks", async () => {
    const { setting, profiles } = await profile(NANO);
    expect(setting).to.include({ threads: 1, warmUp: 1, clock: "wall" });
    expect(setting.engine).to.equal("onnxruntime (cpu)");
    const [{ total, stages, blocks, operators, kernels, sumOfBlocks, peaks, ...rest }] = profiles as [
      (typeof profiles)[0],
    ];
    expect(rest).to.deep.equal({
      model: "efficientformer-nano",
      task: "classification",
      classes: 10,
      batch: 1,
      height: 64,
      width: 64,
    });
    expect(stages!.map(({ name }) => name)).to.deep.equal(["stem", "stage 1", "stage 2", "stage 3", "stage 4", "head"]);
    const sum = (figures: readonly number[]) => figures.reduce((a, b) => a + b, 0);
    for (const key of ["parameters", "macs", "activationBytes"] as const) {
      expect(sum(blocks!.map((block) => block[key])), key).to.equal(total[key]);
      expect(sum(stages!.map((stage) => stage[key])), key).to.equal(total[key]);
    }
    expect(sum(operators.map(({ macs }) => macs))).to.equal(total.macs);
    expect(total.liveBytes).to.be.within(1, total.activationBytes);
    expect(total.latency.median).to.be.above(0);
    expect(sumOfBlocks!.latency.median).to.be.above(0);
    expect(peaks!.flopsPerSecond).to.be.above(1e8);
    expect(peaks!.bytesPerSecond).to.be.above(1e7);
    expect(kernels!.find(({ name }) => name === "Conv")!.count).to.be.above(10);
  });

  it("puts blocks below the roof that their bytes allow", () => {
    const peaks = { flopsPerSecond: 100, bytesPerSecond: 10 };
    expect(roofOf(peaks, 50, 10)).to.equal(50); // 5 operations per byte, 10 bytes per second
    expect(roofOf(peaks, 500, 10)).to.equal(100);
  });

  it("measures the memory of a process that only runs the model", async () => {
    const task = { model: "efficientformer-nano", overrides: [], classes: 10, batch: 1 };
    const small = await memoryOf({ ...task, size: { height: 64, width: 64 } });
    const large = await memoryOf({ ...task, size: { height: 640, width: 640 } });
    expect(small!.peak).to.be.above(small!.before);
    expect(large!.peak - small!.peak).to.be.above(20e6); // its maps are a hundred times larger, the largest 20 MB
    expect(await memoryOf({ ...task, model: "none", size: { height: 64, width: 64 } })).to.equal(undefined);
  });

  it("writes a page with all measurements", async () => {
    const folder = await mkdtemp(join(tmpdir(), "densekit-profile-"));
    try {
      const out = join(folder, "latency.html");
      const models = ["efficientformer-nano", "semantic-fpn_efficientformer-nano_fpn128_300_facade"];
      for (const options of [
        { ...NANO, out },
        { ...NANO, models, compare: true, batches: [1, 2], out, force: true },
      ]) {
        const result = await profile(options);
        expect(result.out).to.equal(out);
        const page = await readFile(out, "utf8");
        for (const { model, batch } of result.profiles) expect(page).to.contain(`${model}, batch ${batch}, 64x64`);
        expect(page)
          .to.contain("onnxruntime (cpu)")
          .and.not.match(/NaN|undefined/);
        expect(page.includes("roofs of a large matrix product")).to.equal(!("compare" in options));
        expect(page.includes("Ratios, taken round by round")).to.equal("compare" in options);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("combines every batch size with every image size, and compares models round by round", async () => {
    const sweep = await profile({ ...NANO, batches: [1, 2], totalOnly: true });
    expect(sweep.profiles.map(({ batch }) => batch)).to.deep.equal([1, 2]);
    expect(sweep.profiles[1]!.total.macs).to.equal(2 * sweep.profiles[0]!.total.macs);
    expect(sweep.profiles[0]!.blocks).to.equal(undefined);
    const models = ["efficientformer-nano", "mobilenetv2-x1.0"];
    const { comparison, profiles } = await profile({ ...NANO, models, compare: true });
    expect(profiles.map(({ model }) => model)).to.deep.equal(models);
    expect(comparison).to.have.length(1);
    expect(comparison![0]).to.include({ model: "mobilenetv2-x1.0", over: "efficientformer-nano" });
    expect(comparison![0]!.ratio.median).to.be.above(0);
  });

  it("reports a machine that is too noisy for the interval, and gives no number", async () => {
    const message = await messageOf(profile({ ...NANO, totalOnly: true, within: 1e-9 }));
    expect(message).to.match(
      /^efficientformer-nano: the machine is too noisy: after 8 rounds the latency is known to ± [\d.]+ %, not to the ± 0\.0 % asked for.*--within \d+/,
    );
  });

  it("suggests models for an unknown one", async () => {
    expect(await messageOf(profile({ ...NANO, models: ["eficientformer-l1"] }))).to.match(
      /^no model is called "eficientformer-l1": did you mean efficientformer-l1\?/,
    );
    expect(await messageOf(profile({ ...NANO, models: ["xyz"] }))).to.match(/backbones are .*resnet-50/);
    expect(await messageOf(profile({ ...NANO, models: ["none.yaml"] }))).to.match(/cannot read the config none\.yaml/);
  });

  it("refuses sizes that a model cannot take", async () => {
    const models = ["semantic-fpn_efficientformer-nano_fpn128_300_facade"];
    const message = await messageOf(profile({ ...NANO, models, sizes: [{ height: 65, width: 64 }] }));
    expect(message).to.equal(
      `${models[0]} cannot take images of 65x64 (height x width): images of 65 × 64; sides must be multiples of 32`,
    );
  });

  it("refuses engines and providers that are missing", async () => {
    const overrides = ["engine.providers=[coreml]"];
    expect(await messageOf(profile({ ...NANO, overrides }))).to.match(/onnxruntime has no provider "coreml"/);
    expect(await messageOf(profile({ ...NANO, overrides: ["engine.type=openvino"] }))).to.match(/engine\.type/);
  });

  it("accepts the processor's clock only for one thread", async () => {
    const { setting } = await profile({ ...NANO, totalOnly: true, clock: "processor" });
    expect(setting.clock).to.equal("processor");
    const overrides = ["engine.threads=2"];
    expect(await messageOf(profile({ ...NANO, overrides, clock: "processor" }))).to.match(
      /counts the time of one thread/,
    );
  });

  it("asks for one engine if configs differ", async () => {
    const models = ["efficientformer-nano", "resnet-18"];
    const folder = await mkdtemp(join(tmpdir(), "densekit-profile-"));
    try {
      const other = join(folder, "other.yaml");
      const base = join(shippedConfigs(), "semantic-fpn_efficientformer-nano_fpn128_300_facade.yaml");
      await writeFile(other, `extends: ${base}\nengine: { providers: [webgpu, cpu] }\n`);
      const message = await messageOf(profile({ ...NANO, models: [...models, other], compare: true }));
      expect(message).to.match(/^efficientformer-nano and other: `engine` differs in their configs; say --engine/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("stops when it is aborted", async () => {
    const controller = new AbortController();
    const onEvent = () => controller.abort(new Error("enough"));
    const failure = await profile({ ...NANO, signal: controller.signal, onEvent }).catch((error: unknown) => error);
    expect(failure).to.have.property("message", "enough");
  });
});

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { UserError } from "../../../lib/errors.js";
import { OBSERVATIONS } from "../../../lib/profile/observations/index.js";
import { observe } from "../../../lib/profile/observations/observe.js";
import type { ObserveOptions } from "../../../lib/profile/observations/types.js";

const QUICK: ObserveOptions = {
  only: ["activation"],
  overrides: ["engine.threads=1"],
  rounds: 2,
  seconds: 0.001,
  within: 1000,
};

const messageOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => (error instanceof UserError ? error.message : error),
  );

describe("profile/observations/observe", () => {
  it("times every variant of every experiment, and compares them with the first", async () => {
    const { setting, observations, tooNoisy } = await observe(QUICK);
    expect(setting).to.include({ threads: 1, rounds: 2, engine: "onnxruntime (cpu)" });
    expect(tooNoisy).to.equal(undefined);
    const [{ name, experiments }] = observations as [(typeof observations)[0]];
    expect(name).to.equal("activation");
    expect(experiments).to.have.length(5);
    for (const { variants, sentence } of experiments) {
      expect(variants.map(({ label }) => label)).to.deep.equal(["ReLU", "GELU", "hard-swish", "SiLU"]);
      for (const { latency } of variants) expect(latency!.median).to.be.above(0);
      expect(variants.map(({ ratio }) => ratio !== undefined)).to.deep.equal([false, true, true, true]);
      expect(sentence).to.match(/^GELU takes [\d.]+ times \([\d.]+–[\d.]+\) as long as ReLU, hard-swish [\d.]+ times/);
    }
  });

  it("gives no number if the machine is too noisy for the interval, but says so", async () => {
    const { observations, tooNoisy } = await observe({ ...QUICK, within: 1e-9 });
    expect(tooNoisy).to.include({ ratios: 15, of: 15 });
    expect(tooNoisy!.advice).to.match(/; end other programs, or ask for less with --within \d+, or for more rounds/);
    for (const { variants, sentence } of observations[0]!.experiments) {
      for (const variant of variants) expect(variant).to.not.have.any.keys("latency", "ratio");
      expect(sentence).to.match(/^The machine is too noisy for GELU \(± .* 8 rounds were made\.$/);
    }
  });

  it("writes a page with a plot and a sentence for each experiment", async () => {
    const folder = await mkdtemp(join(tmpdir(), "densekit-observe-"));
    try {
      const out = join(folder, "observations.html");
      const { observations } = await observe({ ...QUICK, out });
      const page = await readFile(out, "utf8");
      expect(page.match(/<svg /g)).to.have.length(5);
      for (const { title, paper, experiments } of observations) {
        expect(page).to.contain(title).and.contain(paper);
        for (const { sentence } of experiments) expect(page).to.contain(sentence);
      }
      expect(page).to.not.match(/NaN|undefined/);
      expect(await messageOf(observe({ ...QUICK, out }))).to.match(/observations\.html: already exists.*--force$/);
      const empty = await observe({ ...QUICK, within: 1e-9, out, force: true });
      const noisy = await readFile(out, "utf8");
      expect(noisy).to.contain(empty.observations[0]!.experiments[0]!.sentence).and.not.contain("<svg");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("suggests observations for an unknown one", async () => {
    expect(await messageOf(observe({ ...QUICK, only: ["activations"] }))).to.equal(
      'no observation is called "activations"; did you mean activation?',
    );
    expect(await messageOf(observe({ ...QUICK, only: ["xyz"] }))).to.equal(
      `no observation is called "xyz"; there are ${OBSERVATIONS.map(({ name }) => name).join(", ")}`,
    );
  });

  it("refuses engines that are missing, and keys that are not the engine's", async () => {
    const overrides = ["engine.providers=[coreml]"];
    expect(await messageOf(observe({ ...QUICK, overrides }))).to.match(/onnxruntime has no provider "coreml"/);
    expect(await messageOf(observe({ ...QUICK, overrides: ["model.backbone.variant=l3"] }))).to.equal(
      "--set model.backbone.variant=l3: the experiments of --observations have no model; only engine.… can be set",
    );
    expect(await messageOf(observe({ ...QUICK, overrides: ["engine.threads=2"], clock: "processor" }))).to.match(
      /counts the time of one thread/,
    );
  });

  it("stops when it is aborted", async () => {
    const controller = new AbortController();
    const onEvent = () => controller.abort(new Error("enough"));
    const failure = await observe({ ...QUICK, signal: controller.signal, onEvent }).catch((error: unknown) => error);
    expect(failure).to.have.property("message", "enough");
  });
});

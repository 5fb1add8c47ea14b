import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { command, finished, startCommand } from "../support/commandLine.js";
import { checkpointBytes, decidedLines } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

const STEPS = 12;

for (const task of ["segmentation", "detection", "classification"] as const) {
  describe(`a killed run (${task})`, function () {
    this.timeout(180_000);
    let data: ShapesData;
    before(async () => {
      data = await makeShapes(5);
    });
    after(() => rmSync(data.folder, { recursive: true }));

    const write = (name: string): { readonly config: string; readonly run: string } => {
      const run = join(data.folder, name);
      const config = join(data.folder, `${name}.yaml`);
      const { training, ...rest } = shapesConfig(task, data, run);
      const often = { ...training, steps: STEPS, checkpoint: { every: 2 }, evaluateEvery: 5, accumulate: 2 };
      writeFileSync(config, JSON.stringify({ ...rest, training: often })); // JSON is YAML
      return { config, run };
    };

    /** Starts training and waits until the step is logged. */
    const trainUntil = async (step: number, config: string, run: string) => {
      const child = startCommand(["train", config]);
      const end = finished(child);
      const log = join(run, "log.jsonl");
      while (!(existsSync(log) && readFileSync(log, "utf8").includes(`"type":"step","step":${step},`))) {
        if (child.exitCode !== null) throw new Error(`the run ended by itself: ${(await end).stderr}`);
        await setTimeout(5);
      }
      return { child, end };
    };

    it("after Ctrl-C ends with exit code 130, a checkpoint and advice on resuming", async () => {
      const { config, run } = write("interrupted");
      const { child, end } = await trainUntil(2, config, run);
      child.kill("SIGINT");
      const { code, stdout, stderr } = await end;
      expect(code, stderr).to.equal(130);
      expect(stdout).to.equal("");
      const stopped = Number(/stopped after step (\d+) of 12; .*--resume/.exec(stderr)?.[1]);
      expect(stopped).to.be.within(2, STEPS - 1);
      expect(checkpointBytes(run, stopped)).to.have.length(2);
    });

    it("after SIGTERM does the same with exit code 143; after SIGUSR1 saves a checkpoint and continues", async () => {
      const { config, run } = write("ended");
      const { child, end } = await trainUntil(3, config, run);
      child.kill("SIGUSR1");
      await setTimeout(20);
      while (!readFileSync(join(run, "log.jsonl"), "utf8").includes('"type":"checkpoint","step":5'))
        await setTimeout(5);
      child.kill("SIGTERM");
      const { code, stderr } = await end;
      expect(code, stderr).to.equal(143);
      const stopped = Number(/stopped after step (\d+) of 12; .*--resume/.exec(stderr)?.[1]);
      expect(checkpointBytes(run, stopped)).to.have.length(2);
      // Every second step is saved anyway; an odd one was asked for.
      const saved = stderr.match(/^step \d*[13579] {2}saved .*checkpoints/gm) ?? [];
      expect(saved.length, stderr).to.be.greaterThan(1);
      expect(existsSync(join(run, "run.lock"))).to.equal(false);
    });

    it("if resumed, gives the losses and weights of an undisturbed one, bit for bit", async () => {
      const whole = write("whole");
      expect((await command("train", whole.config)).code).to.equal(0);

      const { config, run } = write("killed");
      const lastWords = 2 + Math.floor((Math.random() * STEPS) / 2);
      const { child, end } = await trainUntil(lastWords, config, run);
      child.kill("SIGKILL");
      expect((await end).signal).to.equal("SIGKILL");

      const resumed = await command("train", config, "--resume", "--json");
      expect(resumed.code, resumed.stderr).to.equal(0);
      const killedAt = `killed after step ${lastWords}`;
      expect(decidedLines(run), killedAt).to.deep.equal(decidedLines(whole.run));
      const expected = checkpointBytes(whole.run, STEPS);
      expect(
        checkpointBytes(run, STEPS).map((bytes, i) => bytes.equals(expected[i]!)),
        killedAt,
      ).to.deep.equal([true, true]);
      expect(JSON.parse(resumed.stdout)).to.include({ run, steps: STEPS });
    });
  });
}

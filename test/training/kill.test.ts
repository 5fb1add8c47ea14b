import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { command, finished, startCommand } from "../support/commandLine.js";
import { checkpointBytes, decidedLines } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

const STEPS = 24;

for (const task of ["semantic", "instances"] as const) {
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
      const often = { ...training, steps: STEPS, checkpoint: { every: 3 }, evaluateEvery: 8, accumulate: 2 };
      writeFileSync(config, JSON.stringify({ ...rest, training: often })); // JSON is YAML
      return { config, run };
    };

    /** Waits until a run has logged a step. */
    const seen = async (run: string, step: number): Promise<void> => {
      const log = join(run, "log.jsonl");
      while (!(existsSync(log) && readFileSync(log, "utf8").includes(`"type":"step","step":${step},`))) {
        await setTimeout(2);
      }
    };

    it("after Ctrl-C ends with exit code 130, a checkpoint and how to go on", async () => {
      const { config, run } = write("interrupted");
      const child = startCommand(["train", config]);
      const end = finished(child);
      await seen(run, 2);
      child.kill("SIGINT");
      const { code, stdout, stderr } = await end;
      expect(code, stderr).to.equal(130);
      expect(stdout).to.equal("");
      const stopped = Number(/stopped after step (\d+) of 24; .*--resume/.exec(stderr)?.[1]);
      expect(stopped).to.be.within(2, STEPS - 1);
      expect(checkpointBytes(run, stopped)).to.have.length(2);
    });

    it("resumed gives the losses and weights of an undisturbed one, bit for bit", async () => {
      const whole = write("whole");
      expect((await command("train", whole.config)).code).to.equal(0);

      const { config, run } = write("killed");
      const lastWords = 2 + Math.floor((Math.random() * STEPS) / 2);
      const child = startCommand(["train", config]);
      const end = finished(child);
      await seen(run, lastWords);
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

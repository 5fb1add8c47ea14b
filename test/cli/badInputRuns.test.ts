import { spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { expect } from "chai";
import { type Api, api } from "../../lib/cli/api.js";
import { type CommandResult, finished, MAIN, startCommand } from "../support/commandLine.js";
import { checkpointBytes } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { accepted, onlyMessage, refused, set } from "./refused.js";
import { run as runCommand } from "./support.js";

/** Three steps, with checkpoints after the second and third. */
const STEPS = ["training.steps=3", "training.checkpoint.every=1"];

describe("bad input: runs that cannot continue", () => {
  let data: ShapesData;
  let config: string;
  let begun: string;
  let runs = 0;
  before(async function () {
    this.timeout(120_000);
    data = await makeShapes(2);
    config = join(data.folder, "config.yaml");
    begun = join(data.folder, "begun");
    writeFileSync(config, JSON.stringify(shapesConfig("segmentation", data, begun))); // JSON is YAML
    await accepted(["train", config, ...set(...STEPS)]);
  });
  after(() => rmSync(data.folder, { recursive: true }));

  /** A folder with a run of three steps. */
  const copyOfRun = (): string => {
    const run = join(data.folder, `run-${runs++}`);
    cpSync(begun, run, { recursive: true });
    return run;
  };
  const train = (run: string, ...overrides: string[]) => ["train", config, ...set(`output=${run}`, ...overrides)];
  const everything = (run: string) =>
    readdirSync(run, { recursive: true, encoding: "utf8" })
      .filter((name) => /safetensors|state\.json/.test(name))
      .sort()
      .map((name) => [name, readFileSync(join(run, name)).toString("base64")]);

  it("stops at the step whose loss is NaN, and keeps the checkpoint and the best weights before", async () => {
    const run = copyOfRun();
    const before = everything(run);
    const overrides = ["training.steps=9", "training.optimizer.lr=1e30", "training.evaluateEvery=5"];
    const message = await refused([...train(run, ...overrides), "--resume"]);
    expect(message).to.match(
      /^step 5: the loss or its gradient \(loss .*\) is no longer finite; training stopped, the checkpoint of step 3 is kept in .*run-0\. Lower training\.optimizer\.lr/,
    );
    expect(everything(run)).to.deep.equal(before);
    await accepted([...train(run, "training.steps=4"), "--resume"]);
  });

  for (const task of ["segmentation", "detection"] as const) {
    it(`stops when validation finds diverged weights, and nothing resumes from them (${task})`, async () => {
      const run = join(data.folder, `run-${runs++}`);
      const own = join(data.folder, `${task}.yaml`);
      writeFileSync(own, JSON.stringify(shapesConfig(task, data, run)));
      const overrides = ["training.optimizer.lr=1e30", "training.checkpoint.every=1", "training.evaluateEvery=1"];
      const { stderr, ...rest } = await runCommand(["train", own, ...set(...overrides)], { api });
      const message = onlyMessage({ stderr, ...rest });
      expect(message).to.match(
        /^step 1: the validation loss is no longer finite; .* no checkpoint was made before \(set aside as \*\.diverged: step-00000001\)\./,
      );
      const files = everything(run).map(([name]) => name);
      expect(files.length).to.be.greaterThan(0);
      for (const name of files) expect(name).to.match(/^checkpoints.step-00000001\.diverged/);
      await accepted(["train", own, "--resume", ...set("training.steps=1")]);
    });
  }

  it("reports a damaged line of the log that it leaves out", async () => {
    const run = copyOfRun();
    const log = join(run, "log.jsonl");
    const whole = readFileSync(log, "utf8");
    appendFileSync(log, '{"type":"step","st');
    const { stderr } = await accepted([...train(run, "training.steps=4"), "--resume"]);
    const number = whole.split("\n").length;
    const text = `${log}: line ${number} is damaged and left out; a run that is killed may leave its last line half written`;
    expect(stderr).to.contain(`${text}\n`);
    expect(readFileSync(log, "utf8")).to.contain(JSON.stringify(text)).and.not.contain('"st\n');
  });

  it("does not write over another run's checkpoints or weights", async () => {
    const run = copyOfRun();
    const before = everything(run);
    expect(await refused(train(run))).to.equal(
      `${run}: this folder already holds a run (step-00000003); continue it (--resume), ` +
        "delete it and start over (--restart), or choose another folder (--set output=...)",
    );
    expect(everything(run)).to.deep.equal(before);
    rmSync(join(run, "checkpoints"), { recursive: true });
    const lost = `${run}: this folder holds a run of 3 steps, but no checkpoint to resume from; delete it and start over`;
    expect(await refused(train(run))).to.contain(lost);
    expect(await refused([...train(run), "--resume"])).to.contain(lost);
    rmSync(join(run, "log.jsonl"));
    expect(await refused(train(run))).to.contain("the best weights of a run (best.safetensors), but no checkpoint");
    expect(everything(run)).to.have.length(1);
    const { code, stderr } = await runCommand([...train(run), "--resume", "--restart"]);
    expect({ code, stderr }).to.deep.equal({
      code: 2,
      stderr: "error: option '--resume' cannot be used with option '--restart'\n(see --help)\n",
    });
  });

  it("deletes only the run's own files to start over", async () => {
    const run = copyOfRun();
    const foreign = ["checkpoints/mine.pth", "tensorboard/notes.txt", "evaluation/mine.csv", "mine.txt"];
    const old = [
      "checkpoints/step-00000009",
      "checkpoints/step-00000008.diverged",
      "evaluation/metrics.json",
      "evaluation/images.json",
    ];
    mkdirSync(join(run, "evaluation"), { recursive: true });
    for (const name of [...foreign, ...old]) writeFileSync(join(run, name), "mine");
    await accepted([...train(run, "training.steps=1"), "--restart"]);
    for (const name of foreign) expect(readFileSync(join(run, name), "utf8"), name).to.equal("mine");
    for (const name of old) expect(existsSync(join(run, name)), name).to.equal(false);
    expect(everything(run).map(([name]) => name)).to.not.contain(join("checkpoints", "step-00000003", "state.json"));
  });

  it("does not overwrite a config or a log that no run wrote, not even the training config", async () => {
    const before = readFileSync(config, "utf8");
    const none = (file: string) =>
      `${file}: no run wrote this, and a run in this folder would overwrite it; move it, or choose another folder (--set output=...)`;
    for (const how of [[], ["--resume"], ["--restart"]]) {
      expect(await refused([...train(data.folder, "training.steps=1"), ...how])).to.equal(none(config));
    }
    expect(readFileSync(config, "utf8")).to.equal(before);
    const run = join(data.folder, `run-${runs++}`);
    mkdirSync(run);
    writeFileSync(join(run, "log.jsonl"), "{}\n");
    expect(await refused(train(run))).to.equal(none(join(run, "log.jsonl")));
    expect(readFileSync(join(run, "log.jsonl"), "utf8")).to.equal("{}\n");
  });

  it("names an output folder that cannot be made", async () => {
    const run = join(config, "run");
    expect(await refused(train(run))).to.equal(`cannot write ${run}: a part of the path is not a folder`);
    const given = ["evaluate", config, "--weights", begun, ...set(`output=${run}`)];
    expect(await refused(given)).to.match(/^cannot write .*run\/evaluation\/metrics\.json: a part of the path is not/);
  });

  it("names a file in the place of a folder of the run", async () => {
    const run = join(data.folder, `run-${runs++}`);
    mkdirSync(run);
    writeFileSync(join(run, "tensorboard"), "");
    expect(await refused(train(run))).to.match(
      /^cannot write .*tensorboard\/events.*: a file of that name is in the way$/,
    );
  });

  it("names an output folder that is read-only", async function () {
    if (process.platform === "win32" || process.getuid?.() === 0) this.skip();
    const run = copyOfRun();
    chmodSync(run, 0o555);
    const message = await refused([...train(run, "training.steps=4"), "--resume"]);
    expect(message).to.match(/^cannot write .*: permission denied$/);
    chmodSync(run, 0o755);
  });

  it("names an output folder on a read-only disk", async () => {
    const { mkdir } = fs;
    // The errors of Linux and Node on a file system mounted read-only.
    const answer = (code: string) => Promise.reject(Object.assign(new Error(code), { code }));
    const readOnly = join(data.folder, "mounted");
    fs.mkdir = ((path: string, options?: { recursive: true }) => {
      if (!path.startsWith(readOnly)) return mkdir(path, options);
      return answer(options?.recursive ? "ENOENT" : "EROFS");
    }) as typeof fs.mkdir;
    syncBuiltinESMExports();
    try {
      const run = join(readOnly, "a", "run");
      expect(await refused(train(run))).to.equal(`cannot write ${run}: the file system is read-only`);
    } finally {
      fs.mkdir = mkdir;
      syncBuiltinESMExports();
    }
  });

  it("names the file that does not fit on a full disk, and leaves no part of it", async () => {
    const run = copyOfRun();
    const before = everything(run);
    const message = await onFullDisk(/optimizer\.safetensors/, () =>
      refused([...train(run, "training.steps=4"), "--resume"]),
    );
    expect(message).to.match(/^cannot write .*optimizer\.safetensors: the disk is full$/);
    const best = (name: string | undefined) => name !== "best.safetensors"; // may be better now
    expect(everything(run).filter(([name]) => best(name))).to.deep.equal(before.filter(([name]) => best(name)));
    const out = join(data.folder, "out");
    const predict = ["predict", config, data.images, "--weights", run, "--out", out];
    const { code, stderr } = await onFullDisk(/1\.jpg/, () => runCommand(predict, { api }));
    expect(code).to.equal(1);
    expect(stderr).to.match(/^cannot write .*1\.jpg: the disk is full$/m);
    expect(readdirSync(join(out, "overlays"))).to.deep.equal(["0.jpg"]);
  });

  it("falls back to the previous checkpoint where the system truncates a file", async function () {
    if (process.platform === "win32") this.skip();
    const run = copyOfRun();
    const before = everything(run);
    const args = [...train(run, "training.steps=4"), "--resume"];
    const limited = 'ulimit -f 2000 && exec "$0" "$@"'; // about a megabyte; the model has five
    const child = spawn("sh", ["-c", limited, process.execPath, MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const { code, stdout, stderr } = await finished(child);
    expect(onlyMessage({ code: code ?? -1, stdout, stderr })).to.match(
      /^cannot write .*safetensors: the file would be larger than/,
    );
    expect(everything(run)).to.deep.equal(before);
    await accepted([...train(run, "training.steps=4"), "--resume"]);
  });

  it("ends evaluation and prediction at Ctrl-C with exit code 130", async () => {
    const controller = new AbortController();
    const stop =
      <T, R>(call: (options: T) => Promise<R>) =>
      (options: T) => {
        controller.abort();
        return call(options);
      };
    const stopped: Api = { ...api, evaluate: stop(api.evaluate), predictFiles: stop(api.predictFiles) };
    const out = join(data.folder, "never");
    for (const args of [
      ["evaluate", config, "--weights", begun, ...set(`output=${out}`)],
      ["predict", config, data.images, "--weights", begun, "--out", out],
    ]) {
      const outcome = await runCommand(args, { api: stopped, signal: controller.signal });
      expect(outcome).to.deep.equal({ code: 130, stdout: "", stderr: "interrupted\n" });
    }
    expect(existsSync(out)).to.equal(false);
  });

  it("ends at once at the second Ctrl-C", async () => {
    const run = join(data.folder, `run-${runs++}`);
    // Batches so large that the current step would take long.
    const child = startCommand(train(run, "data.batchSize=64", "training.steps=2"));
    const end = finished(child);
    await said(child, "training 1");
    child.kill("SIGINT");
    await said(child, "press Ctrl-C again");
    child.kill("SIGINT");
    const { code, signal, stderr }: CommandResult = await end;
    expect({ code, signal }, stderr).to.deep.equal({ code: 130, signal: null });
    expect(stderr).to.not.contain("stopped");
    expect(everything(run)).to.deep.equal([]);
  });

  it("resumes after Ctrl-C from the step it stopped at", async () => {
    const run = copyOfRun();
    const child = startCommand([...train(run, "training.steps=500"), "--resume"]);
    const end = finished(child);
    await said(child, "step 4/500");
    child.kill("SIGINT");
    const { code, stdout, stderr } = await end;
    expect({ code, stdout }, stderr).to.deep.equal({ code: 130, stdout: "" });
    const step = Number(
      /^stopped after step (\d+) of 500; run the same command with --resume to continue$/m.exec(stderr)?.[1],
    );
    expect(step).to.be.at.least(4);
    expect(stderr).to.match(/interrupted\n$/);
    expect(checkpointBytes(run, step)).to.have.length(2);
    const { stderr: more } = await accepted([...train(run, `training.steps=${step + 1}`), "--resume"]);
    expect(more).to.contain(`, from step ${step}; run folder`);
  });
});

/** Makes writing files that match a name fail as on a full disk during some work. */
async function onFullDisk<T>(name: RegExp, work: () => Promise<T>): Promise<T> {
  const { open } = fs;
  fs.open = async (path, ...rest) => {
    const file = await open(path, ...rest);
    if (!name.test(String(path)) || rest[0] !== "wx") return file;
    return Object.assign(file, {
      writeFile: () => Promise.reject(Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" })),
    });
  };
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    fs.open = open;
    syncBuiltinESMExports();
  }
}

/** Waits until a process has written a text to stderr. */
function said(child: ReturnType<typeof startCommand>, text: string): Promise<void> {
  let written = "";
  return new Promise((resolve, reject) => {
    child.stderr?.on("data", (chunk) => {
      written += chunk;
      if (written.includes(text)) resolve();
    });
    child.once("close", () => reject(new Error(`it ended without saying "${text}": ${written}`)));
  });
}

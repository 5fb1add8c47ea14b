import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { parse } from "yaml";
import { Interruption } from "../../lib/cli/signals.js";
import { loadConfig } from "../../lib/config/load.js";
import { UserError } from "../../lib/errors.js";
import type { PredictResult } from "../../lib/use/predict.js";
import { type Files, SMALL, writeFiles } from "../config/support.js";
import { recordingApi, run } from "./support.js";

describe("the command line", () => {
  let files: Files;
  let config: string;
  let weights: string;
  before(() => {
    files = writeFiles({ "small.yaml": SMALL, "wrong.yaml": SMALL.replace("nano", "mini") });
    config = files.path("small.yaml");
    weights = files.path("weights.safetensors");
    writeFileSync(weights, "");
  });
  after(() => files.remove());

  it("has help with examples for every command", async () => {
    const top = await run(["--help"]);
    expect(top).to.include({ code: 0, stderr: "" });
    for (const name of ["train", "evaluate", "predict", "config", "doctor"]) {
      expect(top.stdout).to.match(new RegExp(`^  ${name} `, "m"));
      const { code, stdout, stderr } = await run([name, "--help"]);
      expect({ code, stderr }, name).to.deep.equal({ code: 0, stderr: "" });
      expect(stdout, name)
        .to.match(new RegExp(`Examples:\n  \\$ densekit ${name}`))
        .and.contain("--json");
    }
  });

  it("names only shipped configs in its help", async () => {
    const texts = await Promise.all(["--help", "train", "config"].map((name) => run([name, "--help"])));
    const names = texts.flatMap(({ stdout }) => stdout.match(/(mask-rcnn|semantic-fpn)_\S+/g) ?? []);
    expect(names.length).to.be.greaterThan(0);
    for (const name of names) expect(loadConfig(name).name).to.equal(name);
  });

  it("explains faulty command lines, with exit code 2", async () => {
    for (const [args, message] of [
      [["trian", "x"], /unknown command 'trian'\s+\(Did you mean train/],
      [["train"], /missing required argument 'config'/],
      [["train", "x.yaml", "--sett", "a=1"], /unknown option '--sett'/],
      [["evaluate", "small.yaml"], /small\.yaml: a config has no weights: give them with --weights/],
      [["predict", "x.yaml", "--weights", "w", "--out", "o"], /missing required argument 'images'/],
      [["config", "small.yaml", "--set", "training"], /--set training: expected a\.b\.c=value/],
      [["config", "x", "y"], /too many arguments/],
    ] as const) {
      const given = args.map((arg) => (arg === "small.yaml" ? config : arg));
      const { code, stdout, stderr } = await run(given);
      expect(stderr).to.match(message);
      expect({ code, stdout }, args.join(" ")).to.deep.equal({ code: 2, stdout: "" });
    }
    expect((await run([])).code).to.equal(2);
  });

  it("refuses empty arguments and empty values of all options but texts, before doing anything", async () => {
    const listed = async (args: readonly string[]): Promise<string[][]> => {
      const { stdout } = await run([...args, "--help"]);
      const list = /\nCommands:\n(.*?)(\n\n|$)/s.exec(stdout)?.[1] ?? "";
      const names = Array.from(list.matchAll(/^ {2}(\w[\w-]*)/gm), ([, name]) => name!).filter((n) => n !== "help");
      const below = await Promise.all(names.map((name) => listed([...args, name])));
      return [[...args], ...below.flat()];
    };
    const message = (name: string) =>
      `${name}: the value is empty; if it comes from a variable of the shell, that is not set\n`;
    const paths: string[] = [];
    for (const args of await listed([])) {
      const { stdout } = await run([...args, "--help"]);
      for (const [, option, value] of stdout.matchAll(/^ {2}(--[\w-]+) <([\w.]+)/gm)) {
        const isPath = /^(file|folder|path|paths\.\.\.|model|config)$/.test(value!);
        if (value === "text") continue;
        const { code, stdout: out, stderr } = await run([...args, option!, ""]);
        expect({ code, stdout: out }, `${args} ${option}`).to.deep.equal({ code: 2, stdout: "" });
        if (!isPath) continue;
        paths.push(`${args.join(" ")} ${option}`);
        expect(stderr).to.equal(message(option!));
      }
    }
    expect(paths).to.include.members(["predict --out", "export --out", "data tile --images", "verify --images"]);
    expect(paths).to.include.members(["evaluate --weights", "report --out", "data convert --object-info"]);
    for (const [args, name] of [
      [["predict", "x.yaml", "", "--out", "p5"], "<images>"],
      [["predict", "x.yaml", "a.jpg", "", "--out", "p5"], "<images>"],
      [["predict", "", "a.jpg", "--out", "p5"], "<model>"],
      [["train", ""], "<config>"],
      [["data", "convert", "", "--from", "voc", "--out", "x.json"], "<input>"],
      [["weights", "convert", "a.pth", ""], "<to>"],
      [["pack", config, ""], "<out>"],
    ] as const) {
      expect(await run(args), args.join(" ")).to.deep.equal({ code: 2, stdout: "", stderr: message(name) });
    }
    const { stderr } = await run(["data", "tile", "--label-suffix", "", "--out", "x"]);
    expect(stderr).to.not.contain("the value is empty");
  });

  it("suggests the option of the same meaning", async () => {
    for (const [args, meant] of [
      [["verify", "a.onnx", "--against", "x.yaml", "--weights", "w", "--pictures", "p"], "images"],
      [["data", "check", "--annotations", "a.json", "--imgs=p"], "images"],
      [["data", "check", "--annFile", "a.json"], "annotations"],
      [["evaluate", "x.yaml", "--weights", "w", "--out-dir", "o"], "out"],
      [["evaluate", "x.yaml", "--checkpoint", "w"], "weights"],
      [["evaluate", "x.yaml", "--weigths", "w"], "weights"],
    ] as const) {
      const { code, stderr } = await run(args);
      expect(code, stderr).to.equal(2);
      expect(stderr)
        .to.match(/^error: unknown option '--[^\n]*'\n/)
        .and.contain(`(Did you mean --${meant}?)`);
    }
  });

  it("suggests the command of the same meaning", async () => {
    for (const [args, meant] of [
      [["weights", "list", "w.pth"], "show"],
      [["weights", "info"], "show"],
      [["data", "validate"], undefined],
      [["data", "list"], "show"],
      [["eval", "x.yaml"], "evaluate"],
      [["test", "x.yaml"], "evaluate"],
      [["infer", "x.yaml"], "predict"],
      [["benchmark"], "profile"],
    ] as const) {
      const { code, stderr } = await run(args);
      expect(code, stderr).to.equal(2);
      expect(stderr).to.match(/^error: unknown command '\w+'\n/);
      if (meant === undefined) expect(stderr).to.not.contain("Did you mean");
      else expect(stderr).to.contain(`(Did you mean ${meant}?)\n`);
    }
  });

  it("does not show the help of another command for one that does not exist", async () => {
    for (const args of [
      ["engine", "build", "--help"],
      ["trian", "--help"],
      ["data", "chekc", "-h"],
      ["help", "trian"],
      ["engine", "install", "tensorflwo", "--help"],
    ]) {
      const { code, stdout, stderr } = await run(args);
      expect({ code, stdout }, args.join(" ")).to.deep.equal({ code: 2, stdout: "" });
      expect(stderr).to.match(/^error: unknown command '\w+'/);
    }
    for (const args of [
      ["help", "data", "check"],
      ["data", "check", "--help"],
      ["data", "--help"],
      ["engine", "-h"],
    ]) {
      expect(await run(args), args.join(" ")).to.include({ code: 0, stderr: "" });
    }
  });

  it("writes defaults in its help as they are typed, and what examples need", async () => {
    const commands = [
      ["train"],
      ["evaluate"],
      ["report"],
      ["verify"],
      ["data", "check"],
      ["data", "split"],
      ["data", "tile"],
    ];
    for (const args of commands) {
      const { stdout } = await run([...args, "--help"]);
      expect(stdout, args.join(" ")).to.not.match(/default:\s+[[{]/);
      expect(stdout, args.join(" ")).to.match(/Examples:\n(.|\n)*Needed: /);
    }
    expect((await run(["data", "split", "--help"])).stdout.replace(/\s+/g, " ")).to.contain(
      "(default: train=0.8,val=0.2)",
    );
    expect((await run(["data", "tile", "--help"])).stdout.replace(/\s+/g, " ")).to.contain("(default: 1024)");
    expect((await run(["doctor", "--help"])).stdout).to.not.contain("Needed");
  });

  it("prints the version", async () => {
    expect((await run(["--version"])).stdout).to.match(/^\d+\.\d+\.\d+\n$/);
  });

  it("config: prints the whole config as YAML or JSON, with origins if asked", async () => {
    const expected = loadConfig(config, { overrides: ["training.seed=4"] }).config;
    const asYaml = await run(["config", config, "--set", "training.seed=4"]);
    expect(asYaml).to.include({ code: 0, stderr: "" });
    expect(parse(asYaml.stdout)).to.deep.equal(expected);
    const asJson = await run(["config", config, "--set", "training.seed=4", "--json"]);
    expect(JSON.parse(asJson.stdout)).to.deep.equal(expected);
    const { stdout } = await run(["config", config, "--set", "training.seed=4", "--origins"]);
    expect(parse(stdout)).to.deep.equal(expected);
    expect(stdout).to.match(/^ {2}seed: 4 # --set training\.seed=4$/m);
    expect(stdout).to.match(/^ {4}variant: nano # .*small\.yaml:3:47$/m);
    expect(stdout).to.match(/^ {4}dropPath: 0 # default$/m);
    expect(stdout).to.match(/^ {4}# .*small\.yaml:15:17\n {4}milestones:$/m);
  });

  it("prints users' errors as one message, with exit code 1", async () => {
    const { code, stdout, stderr } = await run(["config", files.path("wrong.yaml")]);
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: "" });
    expect(stderr).to.match(/wrong\.yaml:3:47: model\.backbone\.variant: must be one of .*\n$/);
    expect(stderr).not.to.match(/\bat .*\.js/);
  });

  it("train: passes the config on, shows progress on stderr and the result on stdout", async () => {
    const { api, calls } = recordingApi({
      train: async ({ onEvent }) => {
        onEvent({ type: "message", text: "a message" });
        return { metrics: { boxAP: 0.51234 }, steps: 300 };
      },
    });
    const args = ["train", config, "--set", "training.steps=7", "--set", "output=here"];
    const text = await run(args, { api });
    expect(text).to.deep.equal({
      code: 0,
      stdout: `boxAP  0.5123\ndone; the run is in ${resolve("here")}\n`,
      stderr: "a message\n",
    });
    const json = await run([...args, "--resume", "--json"], { api });
    expect(json.stderr).to.equal("a message\n");
    expect(JSON.parse(json.stdout)).to.deep.equal({ metrics: { boxAP: 0.51234 }, steps: 300 });
    expect(json.stdout.split("\n")).to.have.length(2);
    expect(calls.train.map(({ resume, restart }) => [resume, restart])).to.deep.equal([
      [false, false],
      [true, false],
    ]);
    const { api: early } = recordingApi({ train: async () => ({ ended: "earlyStopping" }) });
    expect((await run(args, { api: early })).stdout).to.equal(`stopped early; the run is in ${resolve("here")}\n`);
    await run([...args, "--restart"], { api });
    expect(calls.train[2]).to.include({ resume: false, restart: true });
    expect(calls.train[0]?.config.training.steps).to.equal(7);
  });

  it("evaluate: passes the weights on and prints the metrics", async () => {
    const { api, calls } = recordingApi({
      evaluate: async () => ({ metrics: { boxAP: 0.5, "boxAP@50": 0.75 }, output: "runs/a/evaluation" }),
    });
    const { code, stdout } = await run(["evaluate", config, "--weights", weights], { api });
    const printed = "boxAP     0.5000\nboxAP@50  0.7500\n\nmetrics and results are in runs/a/evaluation\n";
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: printed });
    expect(calls.evaluate[0]).to.include({ weights }).and.not.have.property("output");
    await run(["evaluate", config, "--weights", weights, "--out", "other"], { api });
    expect(calls.evaluate[1]?.output).to.equal(resolve("other"));
    const ofFiles = await run(["evaluate", "--annotations", "a", "--results", "r", "--type", "bbox", "--out", "other"]);
    expect(ofFiles).to.include({ code: 2 });
    expect(ofFiles.stderr).to.contain("--out is for a model, not for COCO files");
    const missing = await run(["evaluate", config, "--weights", files.path("none")], { api });
    expect(missing.code).to.equal(1);
    expect(missing.stderr).to.match(/cannot read the weights .*none: no such file or folder/);
  });

  it("predict: passes on images and folder", async () => {
    const { api, calls } = recordingApi({
      predictFiles: async ({ outDir }) => ({ outDir: outDir!, images: [], unreadable: [] }),
    });
    const args = ["predict", config, "a.jpg", "b/*.png", "--weights", weights, "--out", "out"];
    const { code, stdout } = await run(args, { api });
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: `the results are in ${resolve("out")}\n` });
    expect(calls.predict[0]).to.deep.include({ inputs: ["a.jpg", "b/*.png"], outDir: resolve("out"), weights });
    expect(calls.predict[0]).to.not.have.any.keys("annotations", "drawThreshold", "force");
    await run([...args, "--annotations", "a.json", "--draw-threshold", "0.7", "--force"], { api });
    expect(calls.predict[1]).to.include({ annotations: "a.json", drawThreshold: 0.7, force: true });
    const refused = await run([...args, "--draw-threshold", "70"], { api });
    expect(refused.code).to.equal(2);
    expect(refused.stderr).to.contain("expected a number from 0 to 1");
  });

  it("predict: prints what is found where nothing is written, and reads an image from stdin", async () => {
    const box = { x1: 1.4, y1: 2, x2: 30, y2: 400.6 };
    const size = { width: 500, height: 500 };
    const images = [
      { input: "a.jpg", ...size, objects: [{ label: "dog", classIndex: 1, score: 0.934, box }] },
      { input: "b.jpg", ...size, objects: [] },
      { input: "c.jpg", ...size, classes: [{ label: "fig", classIndex: 0, score: 0.5 }] },
      { input: "stdin", ...size, shares: [{ label: "sky", classIndex: 0, share: 0.25 }] },
    ];
    const { api, calls } = recordingApi({
      predictFiles: async () => ({ images, unreadable: [], listThreshold: 0.3 }),
    });
    const args = ["predict", config, "a.jpg", "-", "--weights", weights];
    const piped = () => Readable.from([Buffer.from("ab"), Buffer.from("c")]);
    const { code, stdout, stderr } = await run(
      [...args, "--score", "0.4", "--classes", "dog, cat", "--recursive", "--threads", "2", "--provider", "cpu"],
      { api, stdin: piped() },
    );
    expect({ code, stderr }).to.deep.equal({
      code: 0,
      stderr: "objects that score at least 0.3 are listed (--score); --out FOLDER draws and writes them\n",
    });
    expect(stdout).to.equal(
      [
        ...["a.jpg", "class  score  x1  y1  x2   y2", "dog     0.93   1   2  30  401", ""],
        ...["b.jpg", "nothing found", ""],
        ...["c.jpg", "class  score", "fig     0.50", ""],
        ...["stdin", "class  pixels", "sky    25.0 %", ""],
      ].join("\n"),
    );
    expect(calls.predict[0]).to.deep.include({
      ...{ score: 0.4, classes: ["dog", "cat"], recursive: true },
      inputs: ["a.jpg", { name: "stdin", bytes: Buffer.from("abc") }],
    });
    expect(calls.predict[0]).to.not.have.any.keys("outDir");
    expect(calls.predict[0]?.config.engine).to.include({ threads: 2 });
    const json = await run([...args, "--json"], { api, stdin: piped() });
    expect(JSON.parse(json.stdout)).to.deep.equal({ images, unreadable: [], listThreshold: 0.3 });
    const refused = async (stdin: object, ...more: readonly string[]) =>
      (await run([...args, ...more], { api, stdin: stdin as Readable })).stderr;
    expect(await refused(Object.assign(piped(), { isTTY: true }))).to.contain("-: stdin is a terminal, not an image");
    expect(await refused(piped(), "-")).to.contain("-: stdin is one image; give - once");
    const endless = Readable.from(Array.from({ length: 70 }, () => Buffer.alloc(1e6)));
    expect(await refused(endless)).to.contain("-: stdin has more than 64 MB");
  });

  it("predict: reports at the end how ids are numbered and what is drawn", async () => {
    const args = ["predict", config, "a.jpg", "--weights", weights, "--out", "out"];
    const printed = async (more: Partial<PredictResult>) => {
      const answer = async () => ({ outDir: "OUT", images: [], unreadable: [], drawThreshold: 0.3, ...more });
      return (await run(args, { api: recordingApi({ predictFiles: answer }).api })).stdout;
    };
    const drawn = "the results are in OUT\noverlays show objects that score at least 0.3; results.json has all\n";
    expect(await printed({ imageIds: "annotated" })).to.equal(drawn);
    expect(await printed({ imageIds: "counted" })).to.equal(
      `${drawn}image_id in results.json numbers the images 1, 2, ... in their order, named in images.json; ` +
        "with --annotations FILE it is that file's\n",
    );
  });

  it("passes signals on and exits with 130 or 143, however the work ends", async () => {
    const outcomes = [() => Promise.reject(new Error("aborted")), () => Promise.resolve({})];
    const reasons = [
      [undefined, 130],
      [new Interruption("SIGINT"), 130],
      [new Interruption("SIGTERM"), 143],
    ] as const;
    for (const [outcome, [reason, expected]] of outcomes.flatMap((o) => reasons.map((r) => [o, r] as const))) {
      const controller = new AbortController();
      const { api } = recordingApi({
        train: ({ signal }) => {
          controller.abort(reason);
          expect(signal.aborted).to.equal(true);
          return outcome();
        },
      });
      const { code, stderr } = await run(["train", config], { api, signal: controller.signal });
      expect(code).to.equal(expected);
      expect(stderr).not.to.contain("unexpected");
    }
  });

  it("explains how to get the stack of an unexpected error", async () => {
    const { api } = recordingApi({ train: () => Promise.reject(new TypeError("x is not a function")) });
    const { code, stderr } = await run(["train", config], { api });
    expect(code).to.equal(1);
    expect(stderr).to.equal(
      "unexpected error: x is not a function\nSet DENSEKIT_DEBUG=1 to see where it comes from.\n",
    );
    const before = process.env.DENSEKIT_DEBUG;
    process.env.DENSEKIT_DEBUG = "1";
    try {
      expect((await run(["train", config], { api })).stderr).to.match(/TypeError: x is not a function\n +at /);
    } finally {
      if (before === undefined) delete process.env.DENSEKIT_DEBUG;
      else process.env.DENSEKIT_DEBUG = before;
    }
  });

  it("uses the exit code of an error", async () => {
    const { api } = recordingApi({ train: () => Promise.reject(new UserError("no", 2)) });
    expect(await run(["train", config], { api })).to.deep.equal({ code: 2, stdout: "", stderr: "no\n" });
  });

  it("runs as a program", () => {
    const main = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
    const program = spawnSync(process.execPath, [main, "config", config, "--json"], { encoding: "utf8" });
    expect({ status: program.status, stderr: program.stderr }).to.deep.equal({ status: 0, stderr: "" });
    expect(JSON.parse(program.stdout)).to.deep.equal(loadConfig(config).config);
    const wrong = spawnSync(process.execPath, [main, "config", files.path("none.yaml")], { encoding: "utf8" });
    expect({ status: wrong.status, stdout: wrong.stdout }).to.deep.equal({ status: 1, stdout: "" });
    expect(wrong.stderr).to.match(/^cannot read the config .*none\.yaml: no such file; .*\n$/);
  });
});

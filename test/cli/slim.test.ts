import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { SlimTableOptions, SlimTableResult } from "../../lib/slimming/slimTable.js";
import type { SlimSearchOptions, SlimSearchResult } from "../../lib/slimming/types.js";
import { recordingApi, run } from "./support.js";

const SIZE = { widths: [32, 48, 96, 128], depths: [2, 2, 4, 3], attentionBlocks: 2 } as const;

const RESULT: SlimSearchResult = {
  out: "slimmed",
  kind: "latency",
  source: "table.json",
  by: "accuracy",
  networks: [
    { method: "start", size: SIZE, architecture: "", macs: 19e6, parameters: 1.5e6, cost: 2, accuracy: 0.9 },
    {
      ...{ method: "slimming", target: "0.8x", size: { ...SIZE, attentionBlocks: 0 }, architecture: "" },
      ...{ macs: 15e6, parameters: 1.2e6, cost: 1.5, accuracy: 0.875, measured: { ms: 1.6, low: 1.5, high: 1.7 } },
      ...{ config: "slimmed/slimming-0.8x.yaml", weights: "slimmed/slimming-0.8x.safetensors" },
    },
  ],
  logs: { slimming: "slimmed/slimming.jsonl" },
  page: "slimmed/report.html",
  unreached: [],
};

describe("densekit slim", () => {
  let folder: string;
  let weights: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-slim-cli-"));
    weights = join(folder, "best.safetensors");
    writeFileSync(weights, "");
  });
  after(() => rmSync(folder, { recursive: true }));

  const recorded = (answer: SlimSearchResult = RESULT) => {
    const [tables, searches]: [SlimTableOptions[], SlimSearchOptions[]] = [[], []];
    const slim = {
      table: async (options: SlimTableOptions) => {
        tables.push(options);
        return { out: options.out, table: TABLE } as SlimTableResult;
      },
      search: async (options: SlimSearchOptions) => {
        searches.push(options);
        return answer;
      },
    };
    return { api: recordingApi({ slim }).api, tables, searches };
  };
  const config = "classifier_efficientformer-nano_30_bccd-crops";

  it("table: passes on its options and reports how well the sums predict whole networks", async () => {
    const { api, tables } = recorded();
    const args = [
      "--out",
      "t.json",
      "--size",
      "64x96",
      "--within",
      "5",
      "--threads",
      "1",
      "--networks",
      "0",
      "--resume",
    ];
    const { code, stdout, stderr } = await run(
      ["slim", "table", config, ...args, "--set", "data.train.images=x", "--set", "data.val.images=y"],
      { api },
    );
    expect(stderr).to.equal("");
    expect(code).to.equal(0);
    const [options] = tables;
    expect(options).to.deep.include({
      out: "t.json",
      size: { height: 64, width: 96 },
      within: 0.05,
      networks: 0,
      resume: true,
    });
    expect(options!.config.engine.threads).to.equal(1);
    expect(stdout.replaceAll(/ {2,}/g, "  ")).to.equal(
      [
        "abacus, 1 core; hand, 1 thread, float32",
        "batch 1, 64x96, 3 classes",
        "largest network 32-48-96-128, 2-2-4-3 blocks, 2 MB3D: 2.00 ms",
        "1 part, each known to ± 5.0 %, or small and known as well as the others",
        "1 whole network predicted by it:",
        "  mean error  worst",
        "sum of the parts  20.0 %  40.0 %",
        "corrected: a factor; each network by a fit to the others  3.0 %  9.0 %",
        "t.json",
        "",
      ].join("\n"),
    );
  });

  it("search: passes on its options and prints the networks found, and the commands to continue with", async () => {
    const { api, searches } = recorded();
    const set = ["--set", "data.train.images=x", "--set", "data.val.images=y"];
    const args = [
      "--table",
      "t.json",
      "--target",
      "12ms,0.8x",
      "--out",
      "slimmed",
      "--baseline",
      "uniform,random",
      ...set,
    ];
    const { code, stdout } = await run(
      [
        "slim",
        "search",
        config,
        "--weights",
        weights,
        ...args,
        "--samples",
        "9",
        "--seed",
        "0",
        "--by",
        "loss",
        "--no-measure",
      ],
      { api },
    );
    expect(code).to.equal(0);
    const [options] = searches;
    expect(options).to.deep.include({ weights, costs: { table: "t.json" }, targets: ["12ms", "0.8x"], out: "slimmed" });
    expect(options).to.deep.include({
      methods: ["slimming", "uniform", "random"],
      samples: 9,
      seed: 0,
      by: "loss",
      measure: false,
    });
    for (const text of [
      "slimming    0.8x  32-48-96-128  2-2-4-3     0  15.0     1.200     1.5 ms   1.60 ms  −6.3 %    87.5 %",
      "densekit train slimmed/slimming-0.8x.yaml --set model.backbone.weights=null",
      `--set 'model.backbone.size={"widths":[32,48,96,128],"depths":[2,2,4,3],"attentionBlocks":0}'`,
      "slimmed/report.html",
    ]) {
      expect(stdout).to.contain(text);
    }
  });

  it("search: ends with exit code 1 after printing, if a target was not reached", async () => {
    const unreached = [{ method: "slimming", target: "0.1x", reason: "no action makes it cheaper" }] as const;
    const { api } = recorded({ ...RESULT, unreached });
    const set = ["--set", "data.train.images=x", "--set", "data.val.images=y"];
    const args = ["--weights", weights, "--cost", "macs", "--target", "0.8x,0.1x", "--out", "slimmed", ...set];
    const { code, stdout, stderr } = await run(["slim", "search", config, ...args, "--json"], { api });
    expect(code).to.equal(1);
    expect(JSON.parse(stdout)).to.deep.include({ unreached });
    expect(stderr).to.equal("slimming did not reach 0.1x: no action makes it cheaper\n");
  });

  it("explains faulty command lines, with exit code 2", async () => {
    const needed = ["slim", "search", config, "--weights", weights, "--target", "0.8x", "--out", "slimmed"];
    for (const [args, wanted] of [
      [needed, "give either --table, or --cost with one of macs, parameters, memory"],
      [[...needed, "--table", "t.json", "--cost", "macs"], "give either --table, or --cost"],
      [[...needed, "--cost", "joules"], "Allowed choices are macs, parameters, memory"],
      [
        [...needed, "--cost", "macs", "--baseline", "greedy"],
        'there is no baseline "greedy"; there are uniform, random, evolutionary',
      ],
      [[...needed, "--cost", "macs", "--resume", "--restart"], "cannot be used with"],
      [["slim", "search", config, "--out", "slimmed"], "required option '--target <cost,...>' not specified"],
      [["slim", "table", config], "required option '--out <file>' not specified"],
      [["slim", "table", config, "--out", "t.json", "--networks", "few"], "expected a whole number above 0"],
    ] as const) {
      const { code, stderr } = await run(args, { api: recorded().api });
      expect(stderr).to.contain(wanted);
      expect(code, stderr).to.equal(2);
    }
  });
});

const MEASURED = { ms: 1, low: 0.9, high: 1.1, confidence: 0.95, spread: 0.1, rounds: 8, referenceMs: 2 };
const TABLE: SlimTableResult["table"] = {
  format: "densekit latency table 1",
  setting: {
    machine: { processor: "abacus", cores: 1, memoryBytes: 1, platform: "wood", node: "v1", densekit: "0" },
    ...{ engine: "hand", threads: 1, precision: "float32", clock: "wall" },
    ...{ batch: 1, height: 64, width: 96, classes: 3 },
  },
  start: { widths: [32, 48, 96, 128], depths: [2, 2, 4, 3], attentionBlocks: 2 },
  method: { rounds: 8, seconds: 0.02, within: 0.05 },
  entries: [{ kind: "stem", width: 32, ...MEASURED }],
  networks: [{ size: { widths: [32, 48, 96, 128], depths: [2, 2, 4, 3], attentionBlocks: 2 }, ...MEASURED }],
  fit: {
    form: "a factor",
    correction: { scale: 0.8, perPart: 0, constant: 0 },
    additive: { mean: 0.2, worst: 0.4 },
    leftOut: { mean: 0.03, worst: 0.09 },
  },
};

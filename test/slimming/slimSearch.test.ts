import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { loadConfig, resolveConfig } from "../../lib/config/load.js";
import type { Config } from "../../lib/config/schema.js";
import { architectureOf } from "../../lib/slimming/architecture.js";
import { costOf } from "../../lib/slimming/costs.js";
import { CSV_COLUMNS } from "../../lib/slimming/csvTable.js";
import { type Part, partName, partsOf, partsOfSpace } from "../../lib/slimming/parts.js";
import { backboneOverrides } from "../../lib/slimming/result.js";
import { slimSearch } from "../../lib/slimming/slimSearch.js";
import { slimTable } from "../../lib/slimming/slimTable.js";
import { searchSpace } from "../../lib/slimming/space.js";
import { readTable, writeTable } from "../../lib/slimming/tableFile.js";
import type { SlimSearchOptions } from "../../lib/slimming/types.js";
import { train } from "../../lib/training/train.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { userMessage } from "../support/failure.js";
import { gridConfig, writeGridData } from "../support/grid.js";
import { trainQuietly } from "../support/runs.js";
import { madeUpCost } from "./support.js";

const SIZE = { widths: [16, 32, 32, 48], depths: [1, 2, 2, 2], attentionBlocks: 1 } as const;

describe("searching a supernet", function () {
  this.timeout(300_000);
  let folder: string;
  let config: Config;
  let weights: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "slim-search-"));
    await writeGridData(folder);
    const backbone = backboneConfig.parse({ type: "efficientformerSupernet", size: SIZE, layerScaleInit: 1 });
    const trained = await trainQuietly(gridConfig("classification", backbone, folder), ["training.steps=4"]);
    config = trained.config;
    weights = trained.result.run;
  });
  after(() => rmSync(folder, { recursive: true }));

  const search = (out: string, options: Partial<SlimSearchOptions> = {}) =>
    slimSearch({
      ...{ config, weights, out: join(folder, out), costs: { counted: "macs" }, targets: ["0.8x", "0.6x"] },
      ...options,
    });
  const csvOf = (parts: readonly Part[]): string => {
    const each = [...new Map(parts.map((part) => [partName(part), part])).values()];
    const rows = each.map((part) => {
      const stage = "stage" in part ? part.stage : "";
      const from = "from" in part ? part.from : "";
      return `${part.kind},${stage},${from},${part.width},${madeUpCost(part)}`;
    });
    return [CSV_COLUMNS.join(","), ...rows, ""].join("\n");
  };

  it("writes a config and weights for each target, which train", async () => {
    const { networks, page, unreached, logs } = await search("macs", {
      methods: ["slimming", "uniform", "random"],
      samples: 2,
    });
    expect(unreached).to.deep.equal([]);
    expect(networks.map(({ method, target = "" }) => `${method} ${target}`.trim())).to.deep.equal([
      "start",
      ...["slimming", "uniform", "random"].flatMap((method) => [`${method} 0.8x`, `${method} 0.6x`]),
    ]);
    const [start, ...found] = networks;
    for (const { target, cost, macs } of found) {
      expect(cost).to.equal(macs);
      expect(cost).to.be.at.most(start!.cost * Number(target!.slice(0, -1)));
    }
    const html = readFileSync(page, "utf8");
    for (const text of ["What was found", "Importance", "Each step", "slimming", "uniform"])
      expect(html).to.contain(text);
    expect(readFileSync(logs.slimming!, "utf8")).to.contain('"type":"step"');
    expect(JSON.parse(readFileSync(join(folder, "macs", "front.json"), "utf8")).networks).to.deep.equal(
      JSON.parse(JSON.stringify(networks)),
    );

    const [first] = found;
    const own = loadConfig(first!.config!, {
      overrides: ["training.steps=2", `output=${join(folder, "runs", "slimmed")}`],
    });
    const { backbone } = own.config.model;
    expect(backbone).to.deep.include({ type: "efficientformer", size: first!.size, layerScaleInit: 1 });
    const messages: string[] = [];
    const onEvent: Parameters<typeof train>[0]["onEvent"] = (event) => {
      if (event.type === "message") messages.push(event.text);
    };
    const { steps } = await train({ config: own.config, onEvent: onEvent! });
    expect(steps).to.equal(2);
    const inherited = messages.find((text) => text.includes(first!.weights!));
    expect(inherited).to.match(/all \d+|\d+ of \d+/);

    for (const task of ["detection", "segmentation"] as const) {
      const dense = gridConfig(task, backboneConfig.parse({ type: "efficientformer", variant: "nano" }), folder);
      const overrides = [
        ...backboneOverrides({ size: first!.size, weights: first!.weights! }),
        ...["training.steps=2", `output=${join(folder, "runs", `slimmed-${task}`)}`],
      ];
      const { config: below } = resolveConfig(dense, { overrides });
      expect((await train({ config: below })).steps, task).to.equal(2);
    }
  });

  it("ends with the same files if it was killed and resumed", async () => {
    const files = (out: string, names: readonly string[]) =>
      names.map((name) => readFileSync(join(folder, out, name), "utf8"));
    const names = ["slimming.jsonl", "uniform.jsonl"];
    const methods = ["slimming", "uniform"] as const;
    const wanted = await search("whole", { methods });
    const controller = new AbortController();
    let evaluations = 0;
    const onEvent: SlimSearchOptions["onEvent"] = () => {
      if (++evaluations === 5) controller.abort(new Error("killed"));
    };
    const killed = search("killed", { methods, signal: controller.signal, onEvent: onEvent! });
    await killed.then(
      () => expect.fail("it should have been killed"),
      (error: unknown) => expect((error as Error).message).to.equal("killed"),
    );
    expect(await userMessage(() => search("killed", { methods }))).to.equal(
      `${join(folder, "killed")}: this folder has a search; continue it with --resume, or start over with --restart`,
    );
    expect(await userMessage(() => search("killed", { methods, resume: true, targets: ["0.7x"] }))).to.contain(
      "slimming.jsonl:1: this is the log of another search",
    );
    const resumed = await search("killed", { methods, resume: true });
    expect(files("killed", names)).to.deep.equal(files("whole", names));
    const figures = ({ networks }: typeof wanted) => networks.map(({ config: _, weights: __, ...rest }) => rest);
    expect(figures(resumed)).to.deep.equal(figures(wanted));
    await search("killed", { methods, restart: true, targets: ["0.7x"] });
  });

  it("accepts a table measured elsewhere, and names missing parts", async () => {
    const space = searchSpace(SIZE);
    const path = join(folder, "phone.csv");
    writeFileSync(path, csvOf(partsOfSpace(space)));
    const { networks, kind } = await search("csv", { costs: { table: path }, targets: ["0.9x"], by: "loss" });
    expect(kind).to.equal("latency");
    const costs = new Map(partsOfSpace(space).map((part) => [partName(part), madeUpCost(part)]));
    expect(networks[0]!.cost).to.be.closeTo(costOf(architectureOf(SIZE), { kind: "latency", source: "", costs }), 1e-9);
    expect(networks[1]!.measured).to.equal(undefined);
    expect(networks[1]!.loss).to.be.above(0);
    writeFileSync(path, csvOf(partsOf(architectureOf(SIZE))));
    const text = await userMessage(() => search("csv2", { costs: { table: path } }));
    expect(text).to.match(
      /^.*phone\.csv: the table is incomplete: \d+ parts of these networks are not in it \(embedding 2 16-16, /,
    );
  });

  it("refuses invalid targets, tables and folders", async () => {
    expect(await userMessage(() => search("bad", { targets: [] }))).to.equal(
      "no target is given; say --target 12ms, or 0.8x of the largest network",
    );
    expect(await userMessage(() => search("bad", { targets: ["0.8x", "0.8x"] }))).to.equal(
      "target 0.8x is given twice",
    );
    expect(await userMessage(() => search("bad", { targets: ["12ms"] }))).to.equal(
      `target "12ms": expected a cost such as 300M, or a share of the largest network's such as 0.8x`,
    );
    expect(await userMessage(() => search("bad", { targets: ["0.01x"] }))).to.match(
      /^target 0\.01x \(.* MMAC\) is below the smallest that can be reached, .* MMAC with 16-16-16-16, 1-1-1-1 blocks, 0 MB3D; ask for more$/,
    );
    expect(await userMessage(() => search("bad", { costs: { table: "table.txt" } }))).to.equal(
      "table.txt: a table is a .json of densekit slim table, or a .csv",
    );
    const none = { ...config, data: { ...config.data, val: { images: join(folder, "nothing") } } } as Config;
    expect(await userMessage(() => search("bad", { config: none }))).to.contain(join(folder, "nothing"));
  });

  it("times the networks found with a table of this machine, and refuses another machine's unless forced", async () => {
    const out = join(folder, "table.json");
    const wide = { within: 1000, rounds: 2, seconds: 0.001 };
    const { table } = await slimTable({ config, out, networks: 0, ...wide });
    expect(table.entries).to.have.length(partsOfSpace(searchSpace(SIZE)).length);
    for (const { ms, low, high, referenceMs } of table.entries) {
      expect(ms).to.be.above(0);
      expect(low).to.be.at.most(ms);
      expect(high).to.be.at.least(ms);
      expect(referenceMs).to.be.above(0);
    }
    expect(await userMessage(() => slimTable({ config, out, ...wide }))).to.contain("table.json: already exists");
    const { networks } = await search("timed", { costs: { table: out }, targets: ["0.9x"] });
    for (const { measured } of networks) expect(measured!.ms).to.be.above(0);
    const other = await readTable(out);
    const path = join(folder, "other.json");
    await writeTable(path, { ...other, setting: { ...other.setting, precision: "int8", threads: 7 } });
    expect(await userMessage(() => search("other", { costs: { table: path } }))).to.equal(
      `${path}: the table was measured for something else: threads: 7 in the table, 1 here; precision: int8 in the table, float32 here; ` +
        "measure one for this (densekit slim table), or take it all the same with --force",
    );
    const forced = await search("other", { costs: { table: path }, targets: ["0.9x"], force: true });
    expect(forced.networks.every(({ measured }) => measured === undefined)).to.equal(true);
  });
});

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { architectureOf } from "../../lib/slimming/architecture.js";
import { fitCorrection } from "../../lib/slimming/correction.js";
import { checkComplete, costOf } from "../../lib/slimming/costs.js";
import { readCsvTable } from "../../lib/slimming/csvTable.js";
import { partsOf, partsOfSpace } from "../../lib/slimming/parts.js";
import { checkBegun } from "../../lib/slimming/slimTable.js";
import { searchSpace } from "../../lib/slimming/space.js";
import { type BuildOptions, buildTable } from "../../lib/slimming/table.js";
import {
  checkSetting,
  type LatencyTable,
  latencyCosts,
  readTable,
  referenceMs,
  type TableSetting,
} from "../../lib/slimming/tableFile.js";
import { failureOf, madeUpBench, madeUpSum, rejectionOf, SETTING, START } from "./support.js";

describe("a latency table", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-table-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const build = (options: Partial<BuildOptions> = {}): Promise<LatencyTable> =>
    buildTable({
      out: join(folder, "table.json"),
      setting: SETTING,
      start: START,
      method: { rounds: 8, seconds: 0.01, within: 0.1 },
      bench: madeUpBench(),
      networks: 20,
      ...options,
    });

  it("predicts networks whose parts add up, whatever speed the machine had when a part was timed", async () => {
    const table = await build();
    expect(table.entries).to.have.length(partsOfSpace(searchSpace(START)).length);
    expect(table.fit!.form).to.equal("none");
    expect(table.fit!.additive.worst).to.be.below(1e-12);
    expect(new Set(table.networks.map(({ size }) => JSON.stringify(size))).size).to.equal(20);
    const speeds = new Set(table.entries.map(({ referenceMs }) => referenceMs));
    expect(speeds.size).to.equal(2);
    const costs = latencyCosts(table, "");
    const other = { widths: [16, 32, 16, 48], depths: [1, 2, 2, 3], attentionBlocks: 2 } as const;
    const share = costOf(architectureOf(other), costs) / costOf(architectureOf(START), costs);
    expect(share).to.be.closeTo(madeUpSum(architectureOf(other)) / madeUpSum(architectureOf(START)), 1e-12);
    expect(await readTable(join(folder, "table.json"))).to.deep.equal(table);
  });

  it("finds the overhead that the parts have on their own", async () => {
    const whole = (size: typeof START) => {
      const architecture = architectureOf(size);
      return 1.25 * madeUpSum(architecture) - 0.3 * partsOf(architecture).length + 2;
    };
    const table = await build({ bench: madeUpBench({ whole }) });
    const { fit } = table;
    const speed = referenceMs(table) / whole(START);
    expect(fit!.correction.scale).to.be.closeTo(1.25, 1e-9);
    expect(fit!.form).to.equal("a factor, a constant per part and a constant");
    expect(fit!.correction.perPart).to.be.closeTo(-0.3 * speed, 1e-9);
    expect(fit!.correction.constant).to.be.closeTo(2 * speed, 1e-9);
    expect(fit!.leftOut.worst).to.be.below(1e-9);
    expect(fit!.additive.mean).to.be.above(0.05);
  });

  it("takes the simplest correction that predicts left-out networks as well", () => {
    const made = (f: (sum: number, parts: number, i: number) => number) =>
      Array.from({ length: 20 }, (_, i) => {
        const [sum, parts] = [10 + ((7 * i) % 11), 12 + ((5 * i) % 7)];
        return { sum, parts, measured: f(sum, parts, i) };
      });
    expect(fitCorrection(made((sum) => 1.5 * sum)).form).to.equal("a factor");
    expect(fitCorrection(made((sum) => sum + 3)).correction).to.deep.include({ scale: 1, perPart: 0 });
    expect(fitCorrection(made((sum, parts) => sum + 0.2 * parts)).form).to.equal("a constant per part");
    const noisy = fitCorrection(made((sum, _, i) => sum * (i % 2 === 0 ? 1.01 : 0.99)));
    expect(noisy.form).to.equal("none");
    expect(noisy.additive.mean).to.be.closeTo(0.01, 1e-3);
  });

  it("is the same if it was killed and resumed, and nothing is timed twice", async () => {
    const wanted = await build();
    const whole = madeUpBench();
    await build({ bench: whole });
    const out = join(folder, "killed.json");
    const killed = madeUpBench();
    let groups = 0;
    const dying = {
      ...killed,
      timeParts: async (...given: Parameters<typeof killed.timeParts>) => {
        if (groups++ === 1) throw new Error("killed");
        return killed.timeParts(...given);
      },
    };
    expect(await rejectionOf(build({ out, bench: dying })))
      .to.be.an("error")
      .with.property("message", "killed");
    const begun = await readTable(out);
    expect(begun.entries).to.have.length(24);
    const rest = madeUpBench();
    const resumed = await build({ out, bench: rest, begun });
    expect([...killed.timed, ...rest.timed]).to.deep.equal(whole.timed);
    const costs = (table: LatencyTable) =>
      [...latencyCosts(table, "").costs].map(([name, ms]) => [name, ms.toFixed(9)]);
    expect(costs(resumed).length).to.equal(costs(wanted).length);
    expect(resumed.networks.map(({ size }) => size)).to.deep.equal(wanted.networks.map(({ size }) => size));
    const none = madeUpBench();
    expect(await build({ out, bench: none, begun: resumed })).to.deep.equal(resumed);
    expect(none.timed).to.deep.equal([]);
  });

  it("times noisy parts again, and reports those that stay noisy", async () => {
    let tries = 0;
    const settling = (name: string, round: number) =>
      name === "stem 32" && round === 0 && tries++ < 2 ? 30 : name === "stem 32" && tries <= 2 && round % 2 ? 9 : 1;
    const table = await build({ bench: madeUpBench({ noise: settling }), networks: 0 });
    expect(table.entries.map(({ kind }) => kind)).to.include("stem");
    const restless = (name: string, round: number) => (name === "head 64" ? 1 + (round % 2) : 1);
    const out = join(folder, "noisy.json");
    expect(await rejectionOf(build({ out, bench: madeUpBench({ noise: restless }) }))).to.equal(
      `the machine is too noisy: head 64 could not be timed to ± 10 %; finished measurements are in ${out}: ` +
        "end other programs and continue with --resume, or ask for less with --within",
    );
    expect((await readTable(out)).entries).to.have.length(table.entries.length - 1);
  });

  it("is refused if it was measured for something else", () => {
    const check = (other: Partial<TableSetting>, force = false) =>
      failureOf(() => checkSetting("t.json", { ...SETTING, ...other }, SETTING, { force, advice: "measure one" }));
    expect(check({})).to.equal("no error");
    const start = "t.json: the table was measured for something else: ";
    expect(check({ machine: { ...SETTING.machine, processor: "slide rule" } })).to.equal(
      `${start}machine: slide rule, 1 cores, wood in the table, abacus, 1 cores, wood here; measure one`,
    );
    expect(check({ engine: "foot", threads: 4 })).to.equal(
      `${start}engine: foot in the table, hand here; threads: 4 in the table, 1 here; measure one`,
    );
    expect(check({ precision: "int8" })).to.equal(`${start}precision: int8 in the table, float32 here; measure one`);
    expect(check({ height: 64 })).to.equal(`${start}image size: 64x32 in the table, 32x32 here; measure one`);
    expect(check({ clock: "processor" })).to.contain("clock: processor in the table, wall here");
    expect(check({ batch: 2, classes: 9 })).to.contain(
      "batch: 2 in the table, 1 here; classes: 9 in the table, 3 here",
    );
    expect(check({ precision: "int8" }, true)).to.equal("no error");
  });

  it("is not continued if it is for other networks", async () => {
    const begun = await build();
    const other = { ...START, depths: [2, 2, 3, 4] } as const;
    expect(failureOf(() => checkBegun("t.json", begun, { setting: SETTING, start: START }))).to.equal("no error");
    expect(failureOf(() => checkBegun("t.json", begun, { setting: SETTING, start: other }))).to.equal(
      "t.json: the table is for networks within 32-32-48-64, 2-2-3-3 blocks, 2 MB3D, not 32-32-48-64, 2-2-3-4 blocks, 2 MB3D; " +
        "choose another file, or overwrite it with --force instead of --resume",
    );
  });

  it("names missing parts", async () => {
    const table = await build({ networks: 0 });
    const fewer = { ...table, entries: table.entries.filter(({ kind }) => kind !== "head") };
    const costs = latencyCosts(fewer, "t.json");
    const text =
      "t.json: the table is incomplete: 4 parts of these networks are not in it (head 64, head 48, head 32, head 16); " +
      "complete it with densekit slim table … --resume, or measure one for this config";
    expect(failureOf(() => checkComplete(partsOfSpace(searchSpace(START)), costs))).to.equal(text);
    expect(failureOf(() => costOf(architectureOf(START), costs))).to.contain(
      "1 part of these networks is not in it (head 64)",
    );
  });

  it("is refused if the file is not a table", async () => {
    const path = join(folder, "bad.json");
    await writeFile(path, "{");
    expect(await rejectionOf(readTable(path))).to.equal(
      `${path}: not JSON; expected a table written by densekit slim table, or a .csv`,
    );
    const table = await build({ networks: 0 });
    const entries = table.entries.with(3, { ...table.entries[3]!, ms: -1 });
    await writeFile(path, JSON.stringify({ ...table, entries }));
    expect(await rejectionOf(readTable(path))).to.match(/bad\.json: entries\.3\.ms: .*; expected a table written by/);
  });

  it("may come from a phone, as CSV", async () => {
    const path = join(folder, "phone.csv");
    await writeFile(path, "part,stage,from,width,ms\nstem,,,32,1.5\nMB4D,1,,32,0.25\nembedding,2,32,48,0.5\n");
    const { kind, source, costs, correction } = await readCsvTable(path);
    expect({ kind, source, correction }).to.deep.equal({ kind: "latency", source: path, correction: undefined });
    expect([...costs]).to.deep.equal([
      ["stem 32", 1.5],
      ["MB4D 1 32", 0.25],
      ["embedding 2 32-48", 0.5],
    ]);
    const head = "part,stage,from,width,ms\n";
    for (const [text, wanted] of [
      ["a,b\n", ":1: the first line must be part,stage,from,width,ms"],
      ["", ":1: the first line must be part,stage,from,width,ms"],
      [`${head}stem,,,32\n`, ":2: 4 columns; expected 5: part, stage, from, width, ms"],
      [`${head}root,,,32,1\n`, ':2: part "root"; expected one of stem, MB4D, MB3D, switch, embedding, head'],
      [`${head}\nMB4D,5,,32,1\n`, ":3: stage 5; there are stages 1 to 4"],
      [`${head}MB4D,one,,32,1\n`, ':2: stage "one"; expected a whole number above 0'],
      [`${head}stem,1,,32,1\n`, ':2: stage "1"; a stem has none, so leave the column empty'],
      [`${head}MB4D,1,16,32,1\n`, ':2: from "16"; a MB4D has none, so leave the column empty'],
      [`${head}embedding,2,,32,1\n`, ':2: from ""; expected a whole number above 0'],
      [`${head}stem,,,32,fast\n`, ':2: ms "fast"; expected milliseconds, a number above 0'],
      [`${head}stem,,,32,0\n`, ':2: ms "0"; expected milliseconds, a number above 0'],
      [`${head}stem,,,32,1\nstem,,,32,2\n`, ":3: stem 32 is in the table twice"],
    ]) {
      await writeFile(path, text!);
      expect(await rejectionOf(readCsvTable(path)), text).to.equal(path + wanted);
    }
    await writeFile(path, `${head}"stem,,,32,1\n`);
    expect(await rejectionOf(readCsvTable(path))).to.contain(`${path}: not a CSV file: `);
    expect(await readFile(path, "utf8")).to.contain("stem");
  });
});

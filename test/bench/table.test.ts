import { expect } from "chai";
import type { CaseResult, SideResult } from "../../bench/measure.js";
import { caseTable, overview, problems, timeRatio } from "../../bench/table.js";

const OURS: SideResult = { label: "ours", ms: [10, 30, 20], peakMb: 100, checksum: 7, check: 0.5, note: "" };
const PEER: SideResult = { label: "peer", ms: [20, 30, 50], peakMb: 400, checksum: 7, check: 0.5001, note: "3 boxes" };

function result(...sides: SideResult[]): CaseResult {
  return { name: "case", group: "training", title: "A case", sides };
}

describe("bench/table", () => {
  it("gives medians, intervals, ranges, ratios of time and of memory, and notes", () => {
    const lines = caseTable(result(OURS, PEER)).split("\n");
    expect(lines[0]).to.equal("### A case");
    expect(lines).to.include("| ours | 20.0 | 5.9–34.1 | 10.0–30.0 |  | 100 |  |");
    expect(lines).to.include("| peer | 30.0 | 10.0–70.0 | 20.0–50.0 | 0.50 (0.36–1.21) | 400 | 0.25 |");
    expect(lines).to.include("- peer: 3 boxes");
  });

  it("pairs the rounds: a machine that slows down slows both", () => {
    const slowing: SideResult = { label: "a", ms: [10, 20, 40] };
    expect(timeRatio(slowing, { label: "b", ms: [20, 40, 80] })).to.include({ median: 0.5, low: 0.5, high: 0.5 });
  });

  it("reports sides whose rounds differ too much to be trusted", () => {
    const steady: SideResult = { label: "a", ms: [10, 11, 12] };
    const table = caseTable(result(steady, { label: "b", ms: [10, 11, 40] }));
    expect(table).to.contain("- b: unsteady").and.not.contain("- a: unsteady");
  });

  it("finds no problem where inputs are equal and results agree", () => {
    expect(problems(result(OURS, PEER))).to.deep.equal([]);
  });

  it("summarises cases by PyTorch's export and the fastest PyTorch side", () => {
    const exported: SideResult = { label: "export", usesExport: true, ms: [20, 30, 40] };
    const compiled: SideResult = { label: "compiled", ms: [40, 60, 41] };
    const one = result(OURS, exported, PEER, compiled);
    const other = { ...result(OURS, { ...exported, ms: [10, 30, 20] }), title: "Another" };
    const text = overview([one, other]);
    expect(text).to.match(/\| A case \| 20.0 \| 30.0 \| 0.50 .* \| 30.0 \(peer\) \| 0.50 .* \|/);
    expect(text).to.match(/\| Another \| 20.0 \| 20.0 \| 1.00 \(1.00–1.00\) \| {2}\| {2}\|/);
    expect(text).to.contain("median 0.75, 0.50 to 1.00");
    expect(overview([one]), "one case needs no summary").to.equal("");
    expect(overview([result(OURS, PEER), result(OURS, PEER)])).to.equal("");
  });

  it("names a side that failed, had other inputs or got another result", () => {
    expect(problems(result(OURS, { label: "peer", error: "no torch" }))).to.deep.equal(["peer: no torch"]);
    expect(problems(result(OURS, { ...PEER, checksum: 8 }))[0]).to.contain("ITS INPUTS ARE NOT OURS");
    expect(problems(result(OURS, { ...PEER, check: 0.51 }))[0]).to.contain("ITS RESULT IS NOT OURS");
    expect(caseTable(result(OURS, { label: "peer", error: "no torch" }))).to.contain("| peer | failed |");
  });
});

import type { FuzzResult } from "./run.js";

/** As Markdown. */
export function fuzzTable(results: readonly FuzzResult[]): string {
  const rows = results.map(({ name, inputs, accepted, refused, slowestMs, slowestIndex, mostBytes, failures }) => [
    name,
    ...[inputs, accepted, refused].map(String),
    `${slowestMs.toFixed(0)} ms (${slowestIndex})`,
    `${(mostBytes / 1e6).toFixed(0)} MB`,
    String(failures.length),
  ]);
  const head = ["format", "inputs", "accepted", "refused", "slowest (number)", "most memory", "failures"];
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |\n`).join("");
}

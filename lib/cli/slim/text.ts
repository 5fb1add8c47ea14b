import { titleOfSize } from "../../backbones/efficientformerSizes.js";
import { milliseconds, percent } from "../../profile/format.js";
import type { SlimTableResult } from "../../slimming/slimTable.js";
import { referenceMs } from "../../slimming/tableFile.js";
import { counted } from "../../words.js";
import { table as columns } from "../table.js";

/** A table in a few lines: what was measured, and how well the sums predict whole networks. */
export function describeTable({ out, table }: SlimTableResult): string {
  const { setting, start, method, entries, networks, fit } = table;
  const { machine, engine, engineVersion = "", threads, precision, batch, height, width, classes, clock } = setting;
  const cores = threads === 0 ? "one thread per core" : counted(threads, "thread");
  const lines = [
    `${machine.processor}, ${counted(machine.cores, "core")}; ${`${engine} ${engineVersion}`.trim()}, ${cores}, ${precision}${clock === "wall" ? "" : "; PROCESSOR TIME, not a latency"}`,
    `batch ${batch}, ${height}x${width}, ${counted(classes, "class", "classes")}`,
    `largest network ${titleOfSize(start)}: ${milliseconds(referenceMs(table))} ms`,
    `${counted(entries.length, "part")}, each known to ± ${percent(method.within)}, or small and known as well as the others`,
  ];
  if (fit !== undefined) {
    const { form, additive, leftOut } = fit;
    lines.push(
      `${counted(networks.length, "whole network")} predicted by it:`,
      columns([
        ["", "mean error", "worst"],
        ["sum of the parts", percent(additive.mean), percent(additive.worst)],
        [`corrected: ${form}; each network by a fit to the others`, percent(leftOut.mean), percent(leftOut.worst)],
      ]),
    );
  }
  return [...lines, out].join("\n");
}

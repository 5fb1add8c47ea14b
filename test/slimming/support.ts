import type { EfficientFormerSize } from "../../lib/backbones/efficientformerSizes.js";
import { UserError } from "../../lib/errors.js";
import { type Architecture, architectureOf, nameOf } from "../../lib/slimming/architecture.js";
import { type Part, partName, partsOf } from "../../lib/slimming/parts.js";
import type { Bench } from "../../lib/slimming/table.js";
import type { TableSetting } from "../../lib/slimming/tableFile.js";

/** The text of the UserError that is thrown; anything else as it is. */
export function failureOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error instanceof UserError ? error.message : error;
  }
  return "no error";
}

export async function rejectionOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error instanceof UserError ? error.message : error;
  }
  return "no error";
}

export const SETTING: TableSetting = {
  machine: { processor: "abacus", cores: 1, memoryBytes: 1, platform: "wood", node: "v1", densekit: "0" },
  engine: "hand",
  threads: 1,
  precision: "float32",
  clock: "wall",
  batch: 1,
  height: 32,
  width: 32,
  classes: 3,
};

export const START: EfficientFormerSize = { widths: [32, 32, 48, 64], depths: [2, 2, 3, 3], attentionBlocks: 2 };

/** A made-up latency for each part, no two equal. */
export function madeUpCost(part: Part): number {
  const { kind, width } = part;
  const perChannel = { stem: 3, head: 1, MB4D: 5, MB3D: 9, switch: 0.5, embedding: 2 }[kind];
  const stage = "stage" in part ? part.stage : 1;
  const from = "from" in part ? part.from : 0;
  return 0.5 + (perChannel * width) / 64 + from / 200 + stage / 10;
}

export const madeUpSum = (architecture: Architecture): number =>
  partsOf(architecture).reduce((sum, part) => sum + madeUpCost(part), 0);

export interface MadeUpBench extends Bench {
  /** The programs timed, in order. */
  readonly timed: string[];
}

/** @param whole a whole network's latency, if it is not the sum of its parts @param noise a factor on the part in a round */
export function madeUpBench(
  options: {
    readonly start?: EfficientFormerSize;
    readonly whole?: (size: EfficientFormerSize) => number;
    readonly noise?: (name: string, round: number) => number;
  } = {},
): MadeUpBench {
  const { start = START, whole = (size) => madeUpSum(architectureOf(size)), noise = () => 1 } = options;
  const timed: string[] = [];
  const rounds = Array.from({ length: 8 }, (_, i) => i);
  const time = (names: readonly string[], costs: readonly number[]) => {
    timed.push(...names);
    // The machine is half as fast every other time; results must not depend on it.
    const speed = 1 + (timed.length % 2);
    return {
      reference: { ms: rounds.map(() => whole(start) * speed) },
      timings: costs.map((cost, i) => ({ ms: rounds.map((round) => cost * speed * noise(names[i]!, round)) })),
    };
  };
  return {
    timed,
    timeParts: async (parts) => time(parts.map(partName), parts.map(madeUpCost)),
    timeNetworks: async (sizes) =>
      time(
        sizes.map((size) => nameOf(architectureOf(size))),
        sizes.map(whole),
      ),
  };
}

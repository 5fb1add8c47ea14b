import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import type { Engine } from "../engines/engine.js";
import { halfWidth } from "../profile/statistics.js";
import type { ProgressEvent } from "../progress.js";
import { openBench } from "./bench.js";
import type { PartSetting } from "./partGraph.js";
import type { SearchSpace } from "./space.js";
import { estimatesOf } from "./table.js";
import { type LatencyTable, referenceMs } from "./tableFile.js";

export interface MeasuredLatency {
  /** Scaled to the machine's speed when the table was measured. */
  readonly ms: number;
  readonly low: number;
  readonly high: number;
}

const ROUNDS = 12;
const SECONDS = 0.05;

/** Times whole networks in turn with the largest one, as for the table, all in the same rounds. */
export async function measureNetworks(
  sizes: readonly EfficientFormerSize[],
  given: {
    readonly table: LatencyTable;
    readonly setting: PartSetting;
    readonly engine: Engine;
    readonly space: SearchSpace;
  },
  {
    signal,
    onEvent,
  }: { readonly signal?: AbortSignal | undefined; readonly onEvent?: ((event: ProgressEvent) => void) | undefined },
): Promise<readonly MeasuredLatency[]> {
  const { table, setting, engine, space } = given;
  const { clock } = table.setting;
  const { within } = table.method;
  onEvent?.({ type: "message", text: `timing ${sizes.length} networks` });
  const bench = await openBench({
    engine,
    setting,
    start: space.start,
    rounds: ROUNDS,
    seconds: SECONDS,
    clock,
    signal,
  });
  try {
    const found = await bench.timeNetworks(sizes, (group) =>
      estimatesOf(group).every((ratio) => halfWidth(ratio) <= within),
    );
    const now = referenceMs(table);
    return estimatesOf(found).map(({ median, low, high }) => ({ ms: median * now, low: low * now, high: high * now }));
  } finally {
    await bench.dispose();
  }
}

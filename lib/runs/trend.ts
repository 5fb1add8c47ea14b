/** The trend of the training loss over about the last `WINDOW` steps. */
export interface Trend {
  /** Steps followed. */
  readonly steps: number;
  /** The running mean. */
  readonly mean: number;
  /** The lowest value of the mean so far; absent until there are `WINDOW` steps. */
  readonly lowest?: number;
}

const WINDOW = 20;
const GROWTH = 2;
/** Losses this small vary without significance. */
const SLACK = 0.1;

export const NO_TREND: Trend = { steps: 0, mean: 0 };

export function followLoss({ steps, mean, lowest }: Trend, loss: number): Trend {
  const now = steps + 1;
  const moved = mean + (loss - mean) / Math.min(now, WINDOW);
  return now < WINDOW
    ? { steps: now, mean: moved }
    : { steps: now, mean: moved, lowest: Math.min(lowest ?? moved, moved) };
}

/** Whether the loss is growing: its running mean is more than twice its lowest value plus 0.1. */
export function isGrowing({ mean, lowest }: Trend): boolean {
  return lowest !== undefined && mean > GROWTH * lowest + SLACK;
}

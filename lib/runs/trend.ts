/** How the training loss goes, over about the last `WINDOW` steps. */
export interface Trend {
  /** Steps followed. */
  readonly steps: number;
  /** The running mean. */
  readonly mean: number;
  /** The lowest the mean was; absent until it has `WINDOW` steps. */
  readonly lowest?: number;
}

const WINDOW = 20;
const GROWTH = 2;
/** Losses this small wander about without meaning anything. */
const SLACK = 0.1;

export const NO_TREND: Trend = { steps: 0, mean: 0 };

export function followLoss({ steps, mean, lowest }: Trend, loss: number): Trend {
  const now = steps + 1;
  const moved = mean + (loss - mean) / Math.min(now, WINDOW);
  return now < WINDOW
    ? { steps: now, mean: moved }
    : { steps: now, mean: moved, lowest: Math.min(lowest ?? moved, moved) };
}

/** Whether the loss is on its way up: its running mean is more than twice the lowest it was, plus 0.1. */
export function isGrowing({ mean, lowest }: Trend): boolean {
  return lowest !== undefined && mean > GROWTH * lowest + SLACK;
}

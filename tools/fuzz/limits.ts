/** What an input may cost. */
export interface FuzzLimits {
  /** Seconds of processor time. */
  readonly seconds: number;
  /** Memory resident, the program itself included. */
  readonly bytes: number;
}

export const LIMITS: FuzzLimits = { seconds: 5, bytes: 600e6 };

/** How often an input under way is looked at. */
export const WATCH_MS = 20;

/** On a busy machine an input that takes its time may wait long for it; one that waits for ever is told by this. */
const WALL_FACTOR = 8;

const MEMORY = "memory:";
export const isMemory = (reason: string): boolean => reason.startsWith(MEMORY);

export interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly bytes: number;
}

/** What is wrong with a cost; undefined where nothing is. */
export function overLimit({ seconds, bytes }: FuzzLimits, cost: Cost): string | undefined {
  if (cost.bytes > bytes) return `${MEMORY} more than ${(bytes / 1e6).toFixed(0)} MB`;
  if (cost.cpuMs > seconds * 1000) return `time: more than ${seconds} s`;
  if (cost.wallMs > WALL_FACTOR * seconds * 1000) return `time: waited for more than ${WALL_FACTOR * seconds} s`;
  return undefined;
}

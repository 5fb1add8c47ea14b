/** Limits on the cost of an input. */
export interface FuzzLimits {
  /** Seconds of processor time. */
  readonly seconds: number;
  /** Resident memory, including the program itself. */
  readonly bytes: number;
}

export const LIMITS: FuzzLimits = { seconds: 5, bytes: 600e6 };

/** How often a running input is checked. */
export const WATCH_MS = 20;

/** On a busy machine an input may wait for processor time; this limit is for one that waits for ever. */
const WALL_FACTOR = 8;

const MEMORY = "memory:";
export const isMemory = (reason: string): boolean => reason.startsWith(MEMORY);

export interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly bytes: number;
}

/** The limit that a cost exceeds; undefined if none. */
export function overLimit({ seconds, bytes }: FuzzLimits, cost: Cost): string | undefined {
  if (cost.bytes > bytes) return `${MEMORY} more than ${(bytes / 1e6).toFixed(0)} MB`;
  if (cost.cpuMs > seconds * 1000) return `time: more than ${seconds} s`;
  if (cost.wallMs > WALL_FACTOR * seconds * 1000) return `time: waited for more than ${WALL_FACTOR * seconds} s`;
  return undefined;
}

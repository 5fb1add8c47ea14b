import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;
let bytesSince = 0;

/** Collect only after this many bytes of garbage. */
const MOST_GARBAGE = 128 * 2 ** 20;

/**
 * Collects garbage when enough dead copies have accumulated. A training step leaves hundreds of megabytes of them,
 * because onnxruntime-node copies every output, even those written in place, and V8, which only sees its own small
 * heap, is in no hurry to free them. A collection takes a few milliseconds.
 *
 * @param bytes garbage since the last call
 */
export function collectCopies(bytes: number): void {
  bytesSince += bytes;
  if (bytesSince < MOST_GARBAGE) return;
  bytesSince = 0;
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
    setFlagsFromString("--no-expose-gc"); // no other context of the process gets it
  }
  collect();
}

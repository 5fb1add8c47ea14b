import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;
let bytesSince = 0;

/** Collect only after this many bytes of garbage. */
const MOST_GARBAGE = 128 * 2 ** 20;

/**
 * Collects garbage when enough dead copies have come together. A training step leaves hundreds of megabytes of them
 * behind, because onnxruntime-node copies every output, also those written in place, and V8, which sees only its own
 * small heap, is in no hurry to free them. A collection takes some milliseconds.
 *
 * @param bytes how much has died since the last call
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

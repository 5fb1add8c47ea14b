import { workerData } from "node:worker_threads";

/** What `startPool` tells its threads, where the process is its own. */
export const OWN_PROCESS = { ownProcess: true } as const;

let own = (workerData as { readonly ownProcess?: boolean } | null)?.ownProcess === true;

/**
 * Tells densekit that this process is there for its sake alone, as the command line's is. Only then does it change what
 * others in a process would notice, once it loads what it is about: sharp keeps no cache and decodes with one thread an
 * image, onnxruntime, TensorFlow and TF.js log nothing (what goes wrong is thrown), and `node:util` gets back two
 * functions that @tensorflow/tfjs-node calls and Node 23 no longer has.
 */
export function claimProcess(): void {
  own = true;
}

export const isOwnProcess = (): boolean => own;

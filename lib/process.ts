import { workerData } from "node:worker_threads";

/** What `startPool` passes to its threads where densekit owns the process. */
export const OWN_PROCESS = { ownProcess: true } as const;

let own = (workerData as { readonly ownProcess?: boolean } | null)?.ownProcess === true;

/**
 * Tells densekit that this process runs nothing else, as is the case on the command line. Only then does densekit
 * change process-wide settings, each when it loads the package in question: sharp keeps no cache and decodes with one
 * thread per image, onnxruntime, TensorFlow and TF.js log nothing (what goes wrong is thrown), and `node:util` gets
 * back two functions that Node 23 no longer has and the package tfjs-node of TF.js calls.
 */
export function claimProcess(): void {
  own = true;
}

export const isOwnProcess = (): boolean => own;

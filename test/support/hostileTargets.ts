import { readNpz } from "../../lib/tensorfiles/npz.js";
import { readTorchFile } from "../../lib/tensorfiles/pytorch/open.js";
import { modelPart } from "../../lib/weights/parts.js";
import { readTensors } from "../../tools/fuzz/readTensors.js";
import type { FuzzTarget, FuzzTargets } from "../../tools/fuzz/target.js";
import { HOSTILE_TENSORS } from "./hostileTensors.js";

/** Reads a weights file completely, and finds the part that is the model. */
export async function readWeights(bytes: Uint8Array, format: "pth" | "npz"): Promise<void> {
  modelPart(await readTensors(bytes, format === "npz" ? readNpz : readTorchFile));
}

/** Each is a target of its own, so that the fuzzer's watchdog sees its cost. */
export const TARGETS: FuzzTargets = Object.fromEntries(
  Object.entries(HOSTILE_TENSORS).map(([name, { format, make }]) => {
    const target: FuzzTarget = { about: name, open: () => ({ make, attempt: (bytes) => readWeights(bytes, format) }) };
    return [name, async () => ({ target })];
  }),
);

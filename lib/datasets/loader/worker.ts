import { move, transferableSymbol, valueSymbol } from "piscina";
import { UserError } from "../../errors.js";
import { type BatchTask, makeBatch } from "./makeBatch.js";
import type { Batch } from "./types.js";

/** An error's class does not survive the way between threads; a user's error travels as data. */
export type WorkerAnswer =
  | { readonly batch: Batch }
  | { readonly problem: { readonly message: string; readonly exitCode: 1 | 2 } };

/** Called in a worker thread; the batch's arrays are moved, not copied. */
export async function answer(task: BatchTask): Promise<object> {
  try {
    return moved({ batch: await makeBatch(task) });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return moved({ problem: { message: error.message, exitCode: error.exitCode } });
  }
}

function moved(value: WorkerAnswer): object {
  const buffers = new Set<ArrayBuffer>();
  collectBuffers(value, buffers);
  return move({ [transferableSymbol]: Array.from(buffers), [valueSymbol]: value });
}

function collectBuffers(value: unknown, buffers: Set<ArrayBuffer>): void {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer && isWhole(value)) buffers.add(value.buffer);
  } else if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) collectBuffers(member, buffers);
  }
}

/** A view of a part (Node's pooled buffers among them) is copied: others may use the rest of its memory. */
function isWhole(view: ArrayBufferView): boolean {
  return view.byteOffset === 0 && view.byteLength === view.buffer.byteLength;
}

import type * as Core from "@tensorflow/tfjs-core";
import type { DType, TensorData, TensorType } from "../../graph/index.js";
import { checkTensor, type Program, type Tensors } from "../engine.js";

type Types = Readonly<Record<string, TensorType>>;

/** TF.js has no bytes: uint8 tensors are int32 there. */
const TFJS_TYPES = { float32: "float32", int32: "int32", uint8: "int32", bool: "bool" } as const;

export interface Session {
  readonly core: Pick<typeof Core, "tensor" | "setBackend">;
  readonly backend: string;
  readonly inputs: Types;
  readonly outputs: Types;
  /** Runs on tensors by name, which the caller still owns, and returns the outputs by name. */
  execute(feeds: Core.NamedTensorMap): Promise<Core.NamedTensorMap>;
  dispose(): Promise<void>;
}

/** A program on TF.js tensors: arrays go in and come out, and no tensor is left over. */
export function tensorProgram({ core, backend, inputs, outputs, execute, dispose }: Session): Program {
  return {
    inputs,
    outputs,
    run: (given: Tensors, into: Tensors = {}): Promise<Tensors> =>
      inTurn(async () => {
        const feeds: Core.NamedTensorMap = {};
        let results: Core.NamedTensorMap = {};
        await core.setBackend(backend);
        try {
          for (const [name, type] of Object.entries(inputs)) {
            feeds[name] = core.tensor(
              feedOf(checkTensor(given[name], type, name), type.dtype),
              [...type.shape],
              TFJS_TYPES[type.dtype],
            );
          }
          results = await execute(feeds);
          const read = Object.entries(outputs).map(async ([name, { dtype }]) => {
            const data = await results[name]!.data();
            return [name, take(data as TensorData, dtype, into[name])] as const;
          });
          return Object.fromEntries(await Promise.all(read));
        } finally {
          for (const tensor of [...Object.values(feeds), ...Object.values(results)]) tensor.dispose();
        }
      }),
    dispose: () =>
      inTurn(async () => {
        await core.setBackend(backend);
        await dispose();
      }),
  };
}

const feedOf = (data: TensorData, dtype: DType): TensorData => (dtype === "uint8" ? Int32Array.from(data) : data);

function take(data: TensorData, dtype: DType, into: TensorData | undefined): TensorData {
  if (into !== undefined) {
    into.set(data);
    return into;
  }
  if (dtype === "uint8") return Uint8Array.from(data);
  return data.slice();
}

let last: Promise<unknown> = Promise.resolve();

/** TF.js has one current backend for the whole process, so work on it runs one after the other. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work, work);
  last = result.catch(() => undefined);
  return result;
}

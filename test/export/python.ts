import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SizedTensors } from "../../lib/engines/modelFile.js";
import type { DType, TensorData } from "../../lib/graph/index.js";
import { encodeNpy, parseNpy } from "../../lib/tensors/npy.js";
import { requirePython } from "../support/python.js";

const DTYPES = { float32: "F32", int32: "I32", uint8: "U8", bool: "BOOL" } as const;

/** Checks the model with the ONNX checker, runs it, and saves each output as a file. */
const SCRIPT = `
import sys, onnx, numpy, onnxruntime
path, folder, names = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
model = onnx.load(path)
onnx.checker.check_model(model, full_check=True)
onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
wanted = {i.name for i in session.get_inputs()}
feeds = {name: numpy.load(f"{folder}/in-{name}.npy") for name in names if name in wanted}
outputs = [o.name for o in session.get_outputs()]
for name, value in zip(outputs, session.run(None, feeds)):
    numpy.save(f"{folder}/out-{name}.npy", value)
print(",".join(outputs))
`;

/** Runs an ONNX file in Python's onnxruntime, after the ONNX checker. */
export async function runInPython(
  context: Mocha.Context,
  model: string,
  inputs: SizedTensors,
  folder: string,
): Promise<SizedTensors> {
  const python = requirePython(context, ["onnx", "onnxruntime"]);
  for (const [name, { dtype, shape, data }] of Object.entries(inputs)) {
    await writeFile(join(folder, `in-${name}.npy`), encodeNpy({ dtype: DTYPES[dtype], shape, data }));
  }
  const names = Object.keys(inputs).join();
  const { stdout } = await promisify(execFile)(python, ["-c", SCRIPT, model, folder, names]);
  const outputs = stdout.trim().split(",");
  const read = async (name: string) => {
    const { dtype, shape, data } = parseNpy(await readFile(join(folder, `out-${name}.npy`)));
    const own = Object.entries(DTYPES).find(([, code]) => code === dtype)?.[0] as DType;
    return [name, { dtype: own, shape, data: data as TensorData }] as const;
  };
  return Object.fromEntries(await Promise.all(outputs.map(read)));
}

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { openTorchFile } from "../../../lib/tensorfiles/pytorch/open.js";
import type { PickleValue } from "../../../lib/tensors/pickle/values.js";
import { isKind, isList } from "../../../lib/tensors/pickle/values.js";
import { type Dtype, type Tensor, toFloat32 } from "../../../lib/tensors/tensor.js";
import type { StoredTensor, TensorFile } from "../../../lib/tensors/tensorFile.js";
import { parameterValue } from "../../../tools/prng.js";
import { goldenFiles, readJson } from "../../support/goldens.js";

/** Tensors in the tree's checkpoints. */
const SMALL = 15;

const DTYPE_NAMES: Readonly<Record<string, Dtype>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

/** The description of a golden file's contents in the JSON beside it. */
type Described =
  | {
      readonly tensor: string;
      readonly shape: readonly number[];
      readonly values: readonly (number | string | boolean)[];
    }
  | { readonly dict: readonly (readonly [key: string | number, value: Described])[] }
  | { readonly list: readonly Described[] }
  | { readonly tuple: readonly Described[] }
  | { readonly scalar: unknown }
  | { readonly opaque: string };

/** Integers past 2^53 stay exact: JSON.parse would round them. */
function readExactly(path: string): Described {
  return JSON.parse(readFileSync(path, "utf8").replace(/(?<=[[,\s])-?\d{16,}(?=[\],\s])/g, '"$&"'));
}

/** Elements as exact values: 64-bit integers as bigints, 16-bit floats widened, which loses nothing. */
function valuesOf(tensor: Tensor): (number | bigint)[] {
  return tensor.dtype === "F16" || tensor.dtype === "BF16" ? [...toFloat32(tensor)] : [...tensor.data];
}

function expectedValues(dtype: Dtype, values: readonly (number | string | boolean)[]): (number | bigint)[] {
  if (dtype === "I64") return values.map((value) => BigInt(value));
  // Python's shortest decimals of float32 and float16 each stand for one value of that type.
  return dtype === "F32" ? values.map((value) => Math.fround(Number(value))) : values.map(Number);
}

const find = (file: TensorFile, ...path: string[]): StoredTensor => {
  const found = file.tensors.find(({ group, name }) => [...group, name].join("\n") === path.join("\n"));
  if (found === undefined) throw new Error(`no tensor ${path.join("/")}`);
  return found;
};

async function compare(file: TensorFile, value: PickleValue, expected: Described, path: string[]): Promise<number> {
  const where = path.join("/");
  if ("tensor" in expected) {
    const dtype = DTYPE_NAMES[expected.tensor]!;
    const tensor = await file.read(find(file, ...path));
    expect([tensor.dtype, tensor.shape], where).to.deep.equal([dtype, expected.shape]);
    const [found, wanted] = [valuesOf(tensor), expectedValues(dtype, expected.values)];
    expect(found.length, where).to.equal(wanted.length);
    expect(
      found.every((element, i) => Object.is(element, wanted[i])),
      `${where}: ${found}, not ${wanted}`,
    ).to.equal(true);
    return 1;
  }
  if ("dict" in expected) {
    if (!isKind(value, "dict")) throw new Error(`${where} is not a dictionary`);
    expect([...value.entries.keys()], where).to.deep.equal(expected.dict.map(([key]) => key));
    let count = 0;
    for (const [key, child] of expected.dict) {
      count += await compare(file, value.entries.get(key)!, child, [...path, String(key)]);
    }
    return count;
  }
  if ("list" in expected || "tuple" in expected) {
    const children = "list" in expected ? expected.list : expected.tuple;
    if (!isList(value)) throw new Error(`${where} is not a list`);
    expect([value.kind, value.items.length], where).to.deep.equal([
      "list" in expected ? "list" : "tuple",
      children.length,
    ]);
    let count = 0;
    for (const [i, child] of children.entries())
      count += await compare(file, value.items[i]!, child, [...path, String(i)]);
    return count;
  }
  if ("opaque" in expected) expect(isKind(value, "opaque"), where).to.equal(true);
  else expect(value, where).to.deep.equal(expected.scalar);
  return 0;
}

describe("PyTorch files written by torch.save", () => {
  const formats = goldenFiles("checkpoint_layouts").flatMap(({ place, folder }) =>
    ["zip", "legacy"].map((format) => ({ place, folder, format })),
  );
  for (const { place, folder, format } of formats) {
    it(`are read bit for bit in every layout: the ${format} format, ${place}`, async function () {
      const path = folder(this);
      const names = readdirSync(path).filter((name) => name.startsWith(format) && name.endsWith(".pth"));
      expect(names).to.have.length.greaterThan(2);
      for (const name of names) {
        const file = await openTorchFile(join(path, name));
        expect(file.format).to.equal(format === "zip" ? "PyTorch" : "PyTorch (legacy)");
        const expected = readExactly(join(path, name.replace(".pth", ".json")));
        expect(await compare(file, file.root, expected, []), name)
          .to.equal(file.tensors.length)
          .and.above(0);
        await file.close();
      }
    });
  }

  const checkpoints = goldenFiles("checkpoints").flatMap(({ place, folder }) =>
    (
      [
        ["tiny_model.pth", ["model"], 96],
        ["tiny_flat.pth", [], 96],
        ["tiny_training.pth", ["model"], 96],
        ["tiny_state_dict_mm.pth", ["state_dict"], 20],
        ["tiny_legacy.pth", ["model"], 12],
      ] as const
    ).map(([name, group, recorded]) => ({ place, folder, name, group, recorded })),
  );
  for (const { place, folder, name, group, recorded } of checkpoints) {
    it(`give the saved weights: ${name}, ${place}`, async function () {
      const count = place.endsWith("tree") ? SMALL : recorded;
      const file = await openTorchFile(join(folder(this), name));
      const weights = file.tensors.filter((tensor) => String(tensor.group) === String(group));
      expect(weights).to.have.length.at.least(count - 1);
      let checked = 0;
      for (const stored of weights) {
        const own = stored.name.replace(/^backbone\./, "");
        const expected = parameterValue("A:ckpt", own, stored.shape);
        const tensor = await file.read(stored);
        expect(tensor.data.byteLength).to.equal(stored.bytes);
        if (expected === undefined) continue;
        expect(tensor.data, stored.name).to.deep.equal(expected);
        checked++;
      }
      expect(checked).to.be.greaterThan(10);
      await file.close();
    });
  }

  for (const { place, folder } of goldenFiles("checkpoints")) {
    it(`separate the other contents of a training checkpoint, with unknown classes as names: ${place}`, async function () {
      const file = await openTorchFile(join(folder(this), "tiny_training.pth"));
      const others = new Map(file.others.map(({ group, name, what }) => [[...group, name].join("/"), what]));
      expect(others.get("args")).to.equal("an object of argparse.Namespace, not read");
      expect(others.get("epoch")).to.equal("123");
      await file.close();
    });

    it(`may have unusual element types, views and shared storages: ${place}`, async function () {
      const { odd_tensors: odd } = readJson<{
        odd_tensors: Record<string, { dtype: string; shape: number[]; values: (number | string | boolean)[] }>;
      }>(join(folder(this), "expected.json"));
      const file = await openTorchFile(join(folder(this), "odd_tensors.pth"));
      expect(file.tensors.map(({ name }) => name)).to.deep.equal(Object.keys(odd));
      for (const [name, { dtype, shape, values }] of Object.entries(odd)) {
        await compare(file, null, { tensor: dtype, shape, values }, [name]);
      }
      await file.close();
    });
  }
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesSource } from "../../../lib/tensorfiles/bytes.js";
import { readTorchFile } from "../../../lib/tensorfiles/pytorch/open.js";
import { userMessage } from "../../support/failure.js";
import { goldenFiles } from "../../support/goldens.js";
import { call, dict, global, integer, op, pickle, raw, tensor, text, torchZip, tuple } from "../../support/pickles.js";
import { zipOf } from "../../support/zip.js";

const VALUES = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
const open = (bytes: Uint8Array) => readTorchFile(bytesSource(bytes, "w.pth"));
/** Opens a file and reads all its tensors: a fault may show at either. */
const readAll = async (bytes: Uint8Array) => {
  const file = await open(bytes);
  for (const stored of file.tensors) await file.read(stored);
  return file;
};
const message = (bytes: Uint8Array) => userMessage(() => readAll(bytes));
const withTensor = (options: Parameters<typeof tensor>[0]) =>
  torchZip(pickle(dict(text("a"), tensor(options))), { 0: VALUES });

describe("faulty PyTorch files", () => {
  it("are not caused by the helpers: a valid file is read", async () => {
    const file = await open(withTensor({}));
    expect([...(await file.read(file.tensors[0]!)).data]).to.deep.equal([1, 2, 3, 4]);
  });

  for (const name of [
    "os.system",
    "posix.system",
    "nt.system",
    "subprocess.Popen",
    "builtins.eval",
    "builtins.exec",
    "__builtin__.eval",
    "builtins.__import__",
    "runpy._run_code",
  ]) {
    it(`run nothing: ${name}`, async () => {
      const harm = call(name, text("touch /tmp/densekit-was-here"));
      const refusal = `w.pth: the pickle in this PyTorch file asks to run ${name}, which no weights need`;
      expect(await message(torchZip(pickle(harm)))).to.contain(refusal);
      // Also beside weights, and by the other instructions that call.
      expect(await message(torchZip(pickle(dict(text("a"), tensor(), text("b"), harm)), { 0: VALUES }))).to.contain(
        refusal,
      );
      const instances = Buffer.concat([raw("("), global(name), text("x"), raw("o")]);
      expect(await message(torchZip(pickle(instances)))).to.contain(refusal);
      const newObject = Buffer.concat([global(name), tuple(), op(0x81)]);
      expect(await message(torchZip(pickle(newObject)))).to.contain(refusal);
      const stackGlobal = Buffer.concat([
        ...[name.slice(0, name.lastIndexOf(".")), name.slice(name.lastIndexOf(".") + 1)].map(text),
        op(0x93),
        tuple(),
        raw("R"),
      ]);
      expect(await message(torchZip(pickle(stackGlobal)))).to.contain(refusal);
    });
  }

  it("name unknown classes and continue", async () => {
    const namespace = Buffer.concat([call("argparse.Namespace"), dict(text("lr"), integer(1)), raw("b")]);
    const file = await open(torchZip(pickle(dict(text("args"), namespace, text("a"), tensor())), { 0: VALUES }));
    expect(file.others).to.deep.equal([{ group: [], name: "args", what: "an object of argparse.Namespace, not read" }]);
    expect(file.tensors.map(({ name }) => name)).to.deep.equal(["a"]);
  });

  it("name tensors of types that cannot be read, and continue", async () => {
    const complex = tensor({ storage: "torch.ComplexFloatStorage", count: 2, shape: [2] });
    const file = await open(
      torchZip(pickle(dict(text("c"), complex, text("a"), tensor({ key: "1" }))), { 0: VALUES, 1: VALUES }),
    );
    expect(file.others.map(({ what }) => what)).to.deep.equal(["a tensor of complex64 [2], which cannot be read"]);
    expect(file.tensors).to.have.length(1);
    const strange = await message(withTensor({ storage: "torch.StrangeStorage" }));
    expect(strange).to.contain("refers to a storage of the unknown class torch.StrangeStorage");
  });

  const faults: [string, () => Uint8Array, string | RegExp][] = [
    ["not an archive", () => raw("this is no weights file"), /neither safetensors nor PyTorch's/],
    ["an empty file", () => new Uint8Array(), /neither safetensors nor PyTorch's/],
    ["an archive cut short", () => withTensor({}).subarray(0, 300), /damaged zip archive: End of central directory/],
    ["another archive", () => zipOf([{ name: "a.txt", content: raw("a") }]), "holds no data.pkl (but a.txt)"],
    ["an empty archive", () => Buffer.concat([raw("PK\x05\x06"), Buffer.alloc(18)]), "holds no data.pkl (it is empty)"],
    [
      "a TorchScript program",
      () => zipOf(["data.pkl", "constants.pkl"].map((name) => ({ name: `m/${name}`, content: pickle(raw("N")) }))),
      "a TorchScript program, not weights",
    ],
    ["a pickle cut short", () => torchZip(pickle(dict(text("a"), tensor())).subarray(0, 60)), "is cut short"],
    ["a pickle of rubbish", () => torchZip(op(0x80, 2, 0xff)), "has the instruction 0xff"],
    ["protocol 9", () => torchZip(op(0x80, 9, 0x4e, 0x2e)), "is of protocol 9"],
    ["an empty stack", () => torchZip(pickle()), "takes a value from an empty stack"],
    ["values left", () => torchZip(pickle(raw("NN"))), "leaves values behind"],
    ["a missing mark", () => torchZip(pickle(raw("Nt"))), "a mark that is not there"],
    ["an unset memo", () => torchZip(pickle(op(0x68, 7))), "refers to value 7, which was never kept"],
    ["a call without arguments", () => torchZip(pickle(global("a.b"), raw("NR"))), "without a tuple of arguments"],
    ["a call of a number", () => torchZip(pickle(op(0x4b, 1, 0x29, 0x52))), "calls something that is not a class"],
    ["a huge integer", () => torchZip(pickle(op(0x8b, 0, 0, 0, 16))), "has an integer of 268435456 bytes"],
    ["a text longer than the file", () => torchZip(pickle(op(0x58, 255, 255, 255, 127))), "is cut short"],
    ["invalid text", () => torchZip(pickle(op(0x8c, 2, 0xff, 0x41))), "has text that is not UTF-8"],
    ["an unknown reference", () => torchZip(pickle(text("x"), raw("Q"))), "refers to data in an unknown way"],
    ["a tensor past its storage", () => withTensor({ shape: [5] }), "[5] that reaches past its storage of 16 bytes"],
    ["an offset past the storage", () => withTensor({ offset: 1 }), "reaches past its storage"],
    ["strides past the storage", () => withTensor({ shape: [2, 2], strides: [3, 1] }), "reaches past its storage"],
    ["negative strides", () => withTensor({ strides: [-1] }), "without valid strides"],
    ["negative sizes", () => withTensor({ shape: [-4] }), "without valid shape"],
    ["strides that do not match", () => withTensor({ strides: [1, 1] }), "a tensor of 1 axes with 2 strides"],
    [
      "sizes whose product overflows",
      () => withTensor({ shape: [2 ** 40, 2 ** 40], strides: [0, 0] }),
      "reaches past its storage",
    ],
    [
      "a tensor of nothing, expanded to gigabytes",
      () => withTensor({ count: 4, shape: [2 ** 31], strides: [0] }),
      "claim far more memory",
    ],
    ["a storage that is too short", () => withTensor({ count: 8, shape: [8] }), "has 16 bytes, the pickle says 32"],
    ["a storage that is missing", () => withTensor({ key: "7" }), "damaged: the tensor data archive/data/7 is missing"],
    ["a storage without size", () => withTensor({ count: -1 }), "refers to a storage without a key and a size"],
    [
      "a pickle that claims gigabytes",
      () => zipOf([{ name: "a/data.pkl", content: Buffer.alloc(1000), deflate: true, claimed: 3_000_000_000 }]),
      "claims 3000000000 bytes, more than the 67",
    ],
    [
      "a bomb: more than it claims",
      () => zipOf([{ name: "a/data.pkl", content: Buffer.alloc(50_000_000), deflate: true, claimed: 1000 }]),
      "damaged zip archive",
    ],
    [
      "a bomb: a storage of zeros",
      () =>
        zipOf([
          { name: "a/data.pkl", content: pickle(dict(text("a"), tensor({ count: 25_000_000, shape: [25_000_000] }))) },
          { name: "a/data/0", content: Buffer.alloc(100_000_000), deflate: true },
        ]),
      "claim far more memory",
    ],
    [
      "endlessly nested containers",
      () =>
        torchZip(
          pickle(
            ...Array.from({ length: 5000 }, () => raw("(")),
            raw("]"),
            ...Array.from({ length: 5000 }, () => raw("t")),
          ),
        ),
      "nested endlessly",
    ],
    ["a list in itself", () => torchZip(pickle(raw("]q\x00"), op(0x68, 0), raw("a"))), "nested endlessly"],
    [
      "lists that double sixty times",
      () =>
        torchZip(
          pickle(
            raw("]"),
            ...Array.from({ length: 60 }, (_, i) =>
              Buffer.concat([raw("q"), op(i), raw("0]h"), op(i), raw("ah"), op(i), raw("a")]),
            ),
          ),
        ),
      "hold too many values",
    ],
  ];
  for (const [name, make, expected] of faults) {
    it(`are refused: ${name}`, async () => {
      const found = await message(make());
      expect(found).to.match(/^w\.pth: /);
      if (typeof expected === "string") expect(found).to.contain(expected);
      else expect(found).to.match(expected);
    });
  }

  for (const { place, folder } of goldenFiles("checkpoint_layouts")) {
    it(`are refused wherever they are cut, or if a storage's end is missing: ${place}`, async function () {
      for (const name of ["zip_dtypes.pth", "legacy_dtypes.pth", "legacy_views.pth"]) {
        const bytes = readFileSync(join(folder(this), name));
        await readAll(bytes);
        for (let length = 0; length < bytes.length; length += 7) {
          expect(await message(bytes.subarray(0, length)), `${name}, ${length} bytes`).to.match(/^w\.pth: /);
        }
      }
    });
  }

  it("are read if they were repacked by another program", async () => {
    const file = await open(
      zipOf([
        {
          name: "a/data.pkl",
          content: pickle(dict(text("a"), tensor({ shape: [2, 2], strides: [1, 2] }))),
          deflate: true,
        },
        { name: "a/data/0", content: VALUES, deflate: true },
        { name: "a/byteorder", content: raw("little"), deflate: true },
      ]),
    );
    expect([...(await file.read(file.tensors[0]!)).data]).to.deep.equal([1, 3, 2, 4]);
  });

  it("are read if a machine of the other byte order wrote them", async () => {
    const swapped = Buffer.from(VALUES);
    swapped.swap32();
    const file = await open(
      zipOf([
        { name: "a/data.pkl", content: pickle(dict(text("a"), tensor())) },
        { name: "a/data/0", content: swapped },
        { name: "a/byteorder", content: raw("big") },
      ]),
    );
    expect([...(await file.read(file.tensors[0]!)).data]).to.deep.equal([1, 2, 3, 4]);
  });
});

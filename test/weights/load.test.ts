import { expect } from "chai";
import { zeros } from "../../lib/nn/initialisers.js";
import { type Parameter, ParameterValues } from "../../lib/nn/parameters.js";
import type { Tensor } from "../../lib/tensors/tensor.js";
import type { TensorFile } from "../../lib/tensors/tensorFile.js";
import { fillFrom } from "../../lib/weights/load.js";
import { planLoad } from "../../lib/weights/plan.js";
import { userMessage } from "../support/failure.js";
import { fileOf } from "../support/nameLists.js";

describe("loading weights into a model", () => {
  const parameter = (name: string, ...shape: number[]): Parameter => ({
    name,
    shape,
    role: "weight",
    initialise: zeros,
  });

  /** A file with these values under these names. */
  function fileWith(
    contents: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: number[] }>>,
  ): TensorFile {
    const names = fileOf(Object.entries(contents).map(([name, { shape }]) => [name, shape]));
    const read = async ({ name, shape }: { name: string; shape: readonly number[] }): Promise<Tensor> => ({
      dtype: "F32",
      shape,
      data: Float32Array.from(contents[name]!.values),
    });
    return {
      ...names,
      read,
      readInto: async (stored, target) => (target as Float32Array).set((await read(stored)).data as Float32Array),
    };
  }

  it("finds NaN or infinity anywhere, and accepts the largest numbers", async () => {
    const largest = 3.4028234663852886e38;
    for (let length = 1; length <= 9; length++) {
      const parameters = [parameter("a", 2), parameter("b", length)];
      for (let at = 0; at < length; at++) {
        for (const value of [
          largest,
          -largest,
          0,
          -0,
          1e-45,
          Number.NaN,
          Number.POSITIVE_INFINITY,
          Number.NEGATIVE_INFINITY,
        ]) {
          const values = new Array<number>(length).fill(-1);
          values[at] = value;
          const file = fileWith({ a: { shape: [2], values: [1, 2] }, b: { shape: [length], values } });
          const model = new ParameterValues(parameters);
          const fill = () => fillFrom(file, planLoad({ file, wanted: parameters }), model);
          if (Number.isFinite(value)) {
            await fill();
            expect([...model.view("b")]).to.deep.equal(values.map(Math.fround));
          } else expect(await userMessage(fill)).to.contain(`names.pth: b holds ${value} (element ${at})`);
        }
      }
    }
  });

  it("reads a parameter that the file has in parts", async () => {
    const at = "mobilevit.encoder.layer.2.transformer.layer.0.attention.attention";
    const file = fileWith({
      "mobilevit.encoder.layer.2.conv_kxk.convolution.weight": { shape: [1], values: [0] },
      [`${at}.key.weight`]: { shape: [1, 2], values: [3, 4] },
      [`${at}.query.weight`]: { shape: [1, 2], values: [1, 2] },
      [`${at}.value.weight`]: { shape: [1, 2], values: [5, 6] },
    });
    const parameters = [parameter("stages.2.1.transformer.0.attn.qkv.weight", 3, 2)];
    const model = new ParameterValues(parameters);
    await fillFrom(file, planLoad({ file, wanted: parameters }), model);
    expect([...model.view(parameters[0]!.name)]).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it("moves torchvision's background after the classes, and drops its row elsewhere", async () => {
    const rows = (count: number) => Array.from({ length: count }, (_, i) => i);
    const parameters = [
      parameter("roi_head.bbox_head.fc_cls.weight", 3, 2),
      parameter("roi_head.bbox_head.fc_reg.bias", 8),
      parameter("roi_head.mask_head.conv_logits.bias", 2),
    ];
    const file = fileWith({
      "roi_heads.box_predictor.cls_score.weight": { shape: [3, 2], values: rows(6) },
      "roi_heads.box_predictor.bbox_pred.bias": { shape: [12], values: rows(12) },
      "roi_heads.mask_predictor.mask_fcn_logits.bias": { shape: [3], values: rows(3) },
    });
    const model = new ParameterValues(parameters);
    await fillFrom(file, planLoad({ file, wanted: parameters }), model);
    expect([...model.view("roi_head.bbox_head.fc_cls.weight")]).to.deep.equal([2, 3, 4, 5, 0, 1]);
    expect([...model.view("roi_head.bbox_head.fc_reg.bias")]).to.deep.equal([4, 5, 6, 7, 8, 9, 10, 11]);
    expect([...model.view("roi_head.mask_head.conv_logits.bias")]).to.deep.equal([1, 2]);
  });
});

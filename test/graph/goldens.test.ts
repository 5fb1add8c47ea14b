import { expect } from "chai";
import { type AttentionBias, denseBias, gridBias, selfAttention } from "../../lib/backbones/attention.js";
import { mapAttention, stridedMapAttention } from "../../lib/backbones/mapAttention.js";
import {
  add,
  averagePool,
  batchNorm,
  channelAffine,
  conv2d,
  convTranspose2d,
  div,
  gelu,
  groupNorm,
  input,
  layerNorm,
  matMul,
  mul,
  reshape,
  resizeBicubic,
  resizeBilinear,
  resizeNearest,
  scalar,
  slice,
  softmax,
  sqrt,
  sub,
  type Value,
} from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import type { Layer } from "../../lib/nn/layers.js";
import { ParameterList, type ParameterScope, ParameterValues } from "../../lib/nn/parameters.js";
import { inShared, inTree, withRecordings } from "../support/goldens.js";
import { expectWithin, fillFromPrng, type PrngInput, prngInput } from "../support/tensors.js";
import { evaluate } from "./check.js";
import { onEveryEngine } from "./engines.js";

interface LayerCase {
  readonly name: string;
  readonly inputs: readonly PrngInput[];
  readonly attr: {
    readonly eps?: number;
    readonly stride?: number;
    readonly padding?: number;
    readonly groups?: number;
    readonly size?: readonly [number, number];
    readonly stored?: string;
    readonly weights_prefix?: string;
  };
  readonly out_shape: readonly number[];
  readonly torch_fp32_maxabs_err: number;
}

type Build = (inputs: readonly Value[], layer: LayerCase) => Value;

/** A layer with parameters, given the numbers of its input and output channels. */
const module =
  (make: (scope: ParameterScope, channels: { readonly from: number; readonly to: number }) => Layer): Build =>
  ([x], { attr, out_shape }) => {
    const channelsOf = (shape: readonly number[]) => shape[shape.length === 4 ? 1 : 2]!;
    const list = new ParameterList();
    const layer = make(list.scope(), { from: channelsOf(x!.shape), to: channelsOf(out_shape) });
    const values = new ParameterValues(list.all);
    fillFromPrng(values, list.all, attr.weights_prefix!);
    return layer(x!, Context.inference(values));
  };

const attention = (bias: AttentionBias): Build =>
  module((scope, { from: channels }) => selfAttention(scope, { channels, bias }));

const ofMap = (bias: AttentionBias, halved: boolean): Build =>
  module((scope, { from: channels }) => mapAttention(scope, { channels, bias, halved }));

const downward = (bias: AttentionBias): Build =>
  module((scope, channels) => stridedMapAttention(scope, { ...channels, bias }));

const normByRunningStatistics: Build = ([x, gamma, beta, mean, variance], { attr }) => {
  const scale = div(gamma!, sqrt(add(variance!, scalar(attr.eps!))));
  return channelAffine(x!, scale, sub(beta!, mul(mean!, scale)));
};

const linear: Build = ([x, w, b], { out_shape }) => {
  const rows = reshape(x!, [x!.shape[0]! * x!.shape[1]!, x!.shape[2]!]);
  return reshape(add(matMul(rows, w!, { transposeB: true }), b!), out_shape);
};

/** Some goldens contain every third row and column. */
const bicubic: Build = ([x], { attr: { size, stored } }) => {
  const y = resizeBicubic(x!, size!);
  return stored === undefined ? y : slice(slice(y, { axis: 2, step: 3 }), { axis: 3, step: 3 });
};

const pool3: Build = ([x]) => averagePool(x!, { kernel: 3, padding: 1 });
const norm: Build = ([x, gamma, beta], { attr }) => groupNorm(x!, gamma!, beta!, { epsilon: attr.eps! });

/** By name, or by the part before the first underscore. */
const builds: Readonly<Record<string, Build>> = {
  gelu: ([x]) => gelu(x!),
  layernorm: ([x, gamma, beta], { attr }) => layerNorm(x!, gamma!, beta!, { epsilon: attr.eps! }),
  groupnorm1: norm,
  batchnorm_eval: normByRunningStatistics,
  batchnorm_train: ([x, gamma, beta], { attr }) => batchNorm(x!, gamma!, beta!, { epsilon: attr.eps! }).y,
  avgpool3: pool3,
  conv: ([x, w, bias], { attr: { stride, padding, groups } }) =>
    conv2d(x!, w!, bias!, { stride: stride!, padding: padding!, groups: groups! }),
  deconv: ([x, w, bias]) => add(convTranspose2d(x!, w!, { stride: 2 }), reshape(bias!, [1, bias!.shape[0]!, 1, 1])),
  linear,
  softmax: ([x]) => softmax(x!, -1),
  bicubic,
  bilinear: ([x], { out_shape }) => resizeBilinear(x!, [out_shape[2]!, out_shape[3]!]),
  nearest: ([x], { out_shape }) => resizeNearest(x!, [out_shape[2]!, out_shape[3]!]),
  attention_v1_cls: attention(gridBias({ side: 7 })),
  attention_v1_det: attention(denseBias({ side: 25 })),
  attention_v1_seg: attention(denseBias({ side: 16 })),
  attention4d_cls: ofMap(gridBias({ side: 7 }), false),
  attention4d_stride_cls: ofMap(gridBias({ side: 7 }), true),
  attention4d_stride_det: ofMap(denseBias({ side: 10 }), true),
  attention4d_down_cls: downward(gridBias({ side: 14, step: 2 })),
  attention4d_down_det: downward(denseBias({ side: 20, step: 2 })),
};

const buildOf = (name: string) => builds[name] ?? builds[name.slice(0, name.indexOf("_"))];

onEveryEngine(
  (name) => `layers equal PyTorch's on ${name}`,
  (engine) => {
    for (const [kind, { place, open }] of withRecordings(
      [
        ["operator", inTree("layers")],
        ["attention module", inTree("attention")],
      ],
      [["golden case", inShared("layers")]],
    )) {
      it(`every ${kind}: ${place}`, async function () {
        const { json, array } = open(this);
        const { cases } = json<{ cases: LayerCase[] }>("cases.json");
        const outputs: Record<string, Value> = {};
        const feeds: Record<string, Float32Array> = {};
        for (const layer of cases) {
          const build = buildOf(layer.name);
          expect(build, `a layer for the golden case ${layer.name}`).not.to.equal(undefined);
          const inputs = layer.inputs.map((given) => {
            feeds[given.key] = prngInput(given);
            return input(given.key, given.shape);
          });
          outputs[layer.name] = build!(inputs, layer);
          expect(outputs[layer.name]!.shape, layer.name).to.deep.equal(layer.out_shape);
        }
        const results = await evaluate(engine(), outputs, feeds);
        for (const { name, torch_fp32_maxabs_err } of cases) {
          const tolerance = name.startsWith("bicubic") ? 1e-5 : Math.max(1e-6, 20 * torch_fp32_maxabs_err);
          const stored = array(`${name}.npy`);
          expectWithin(stored.of(results[name]!), stored.expected, tolerance, name);
        }
      });
    }
  },
);

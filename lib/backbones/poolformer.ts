import { z } from "zod";
import { add, averagePool, inScope, sub } from "../graph/index.js";
import { truncatedNormal, zeros } from "../nn/initialisers.js";
import { convolution, dropPath, gelu, groupNorm, type Layer, layerScale, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming } from "../nn/weightNames.js";
import { positive } from "../schemas/fields.js";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  type Classifier,
  checkSides,
  dropPathKey,
  inTurn,
  ofTimm,
  pooledHead,
} from "./backbone.js";
import { joinPlace, NETWORK_STAGES, stagePlace } from "./networkPlaces.js";

const WIDTHS = [64, 128, 320, 512] as const;
const DEPTHS = { s12: [2, 2, 6, 2], s24: [4, 4, 12, 4], s36: [6, 6, 18, 6] } as const;
const EXPANSION = 4;
const initWeight = truncatedNormal(0.02);

const schema = backboneSchema("poolformer", {
  variant: z.enum(["s12", "s24", "s36"]).describe("Size of the backbone: the number of blocks"),
  dropPath: dropPathKey,
  layerScaleInit: positive("Initial value of the layer scales; the authors take 1e-6 for s36").default(1e-5),
});

type PoolFormerConfig = Pick<z.output<typeof schema>, "variant" | "dropPath" | "layerScaleInit">;

/** Pooling instead of attention, then an MLP, each after a norm and with a layer scale: maps [B, C, H, W]. */
function block(scope: ParameterScope, channels: number, rate: number, layerScaleInit: number): Layer {
  const hidden = channels * EXPANSION;
  const point = { kernel: 1, initWeight, initBias: zeros };
  const branch = (i: number, body: Layer) =>
    sequential(
      groupNorm(scope.child(`norm${i}`), channels),
      body,
      layerScale(scope, `layer_scale_${i}`, channels, layerScaleInit),
      dropPath(scope, `drop_path_${i}`, rate),
    );
  const pool = branch(1, (x) => sub(averagePool(x, { kernel: 3, padding: 1 }), x));
  const mlp = branch(
    2,
    sequential(
      convolution(scope.child("mlp.fc1"), { ...point, in: channels, out: hidden }),
      gelu,
      convolution(scope.child("mlp.fc2"), { ...point, in: hidden, out: channels }),
    ),
  );
  return (x, context) =>
    inScope(scope.path, () => {
      const mixed = add(x, pool(x, context));
      return add(mixed, mlp(mixed, context));
    });
}

/** The four stages, each with the downsampling convolution before it; names are the authors'. */
function trunk(scope: ParameterScope, { variant, dropPath: lastRate, layerScaleInit }: PoolFormerConfig): Layer[] {
  const depths = DEPTHS[variant];
  const blocks = depths.reduce((a, b) => a + b, 0);
  let index = 0;
  return WIDTHS.map((channels, stage) => {
    const embedding =
      stage === 0
        ? convolution(scope.child("patch_embed.proj"), { in: 3, out: channels, kernel: 7, stride: 4, padding: 2 })
        : convolution(scope.child(`network.${stage * 2 - 1}.proj`), {
            in: WIDTHS[stage - 1]!,
            out: channels,
            kernel: 3,
            stride: 2,
          });
    const here = scope.child(`network.${stage * 2}`);
    const layers = Array.from({ length: depths[stage]! }, (_, i) =>
      block(here.child(i), channels, (lastRate * index++) / (blocks - 1), layerScaleInit),
    );
    return sequential(embedding, ...layers);
  });
}

/**
 * PoolFormer (Yu et al. 2022, "MetaFormer Is Actually What You Need for Vision") as a dense backbone: four maps at
 * strides 4, 8, 16 and 32, each through its own group norm (`norm0`, `norm2`, `norm4`, `norm6`).
 */
export function poolFormer(scope: ParameterScope, config: PoolFormerConfig): Backbone {
  const stages = trunk(scope, config);
  const norms = WIDTHS.map((channels, stage) => groupNorm(scope.child(`norm${stage * 2}`), channels));
  return {
    channels: WIDTHS,
    strides: [4, 8, 16, 32],
    multiple: 32,
    stages: NETWORK_STAGES,
    forward(x, context) {
      checkSides(x, 32);
      return inTurn(stages, x, context).map((map, i) => norms[i]!(map, context));
    },
  };
}

/** PoolFormer as an ImageNet classifier. */
export function poolFormerClassifier(
  scope: ParameterScope,
  { classes, ...config }: PoolFormerConfig & { readonly classes: number },
): Classifier {
  const stages = trunk(scope, config);
  const channels = WIDTHS[3];
  const norm = groupNorm(scope.child("norm"), channels);
  const head = pooledHead(scope.child("head"), { channels, classes, initWeight, initBias: zeros });
  return { stages: NETWORK_STAGES, forward: sequential(...stages, norm, head) };
}

const timm: Naming = {
  name: "timm's PoolFormer",
  mark: /^(backbone\.)?stages\.0\.blocks\.0\.layer_scale1\.scale$/,
  renames: [
    [/\bstem\.conv\./, "patch_embed.proj."],
    [/\bstages\.(\d+)\.downsample\.conv\./, (stage) => `${joinPlace(stage)}proj.`],
    [/\bstages\.(\d+)\.blocks\./, stagePlace],
    [/\blayer_scale([12])\.scale$/, "layer_scale_$1"],
    [/^head\.norm\./, "norm."],
    [/^head\.fc\./, "head."],
  ],
};

const published = ofTimm("Apache-2.0", {
  s12: "poolformer_s12.sail_in1k",
  s24: "poolformer_s24.sail_in1k",
  s36: "poolformer_s36.sail_in1k",
});

export const poolFormerKind = backboneKind({
  schema,
  make: (scope, config) => poolFormer(scope, config),
  classifier: (scope, config, { classes }) => poolFormerClassifier(scope, { ...config, classes }),
  title: ({ variant }) => `PoolFormer-${variant.toUpperCase()}`,
  imagenet: ({ variant }) => published(variant),
  namings: [timm],
  published: { name: "the authors' PoolFormer", mark: /^(backbone\.)?network\.0\.0\.norm1\.weight$/ },
});

// Parts as a user writes them, outside lib/, using only the package's public names.
import { concat, relu, resizeBilinear } from "densekit/graph";
import { convolution, type Layer, type ParameterScope } from "densekit/nn";
import {
  type Backbone,
  backboneKind,
  backboneSchema,
  fourStages,
  pooledHead,
  registerBackbone,
  registerSegmentationHead,
  registerTransform,
  segmentationHeadKind,
  segmentationHeadSchema,
  transform,
  z,
} from "densekit/parts";

const CHANNELS = [8, 16, 24, 32] as const;

/** Four downsampling convolutions, the first with stride 4. */
function toy(scope: ParameterScope, width: number): Backbone {
  const parts = CHANNELS.map((channels, i): Layer => {
    const stride = i === 0 ? 4 : 2;
    const before = i === 0 ? 3 : width * CHANNELS[i - 1]!;
    const conv = convolution(scope.child(`${i}`), { in: before, out: width * channels, kernel: 5, stride, bias: true });
    return (x, context) => relu(conv(x, context));
  });
  return fourStages({ channels: CHANNELS.map((c) => width * c), parts, stages: [[], ["0"], ["1"], ["2"], ["3"]] });
}

const toyBackbone = backboneKind({
  schema: backboneSchema("toy", { width: z.int().min(1).default(1).describe("Factor on the channels") }),
  make: (scope, { width }) => toy(scope, width),
  classifier(scope, { width }, { classes }) {
    const backbone = toy(scope, width);
    const head = pooledHead(scope.child("head"), { channels: backbone.channels.at(-1)!, classes });
    return { stages: backbone.stages, forward: (x, context) => head(backbone.forward(x, context).at(-1)!, context) };
  },
  title: ({ width }) => `Toy ×${width}`,
  namings: [],
  published: { name: "the toy's", mark: /^toy\.no\.such\.name$/ },
});

/** All levels resized to the finest one, and one convolution over them. */
const toyHead = segmentationHeadKind({
  schema: segmentationHeadSchema("toyHead", {}),
  make(scope, _, { in: channels, strides, classes }) {
    const conv = convolution(scope.child("conv").ofOutput(), {
      in: channels * strides.length,
      out: classes,
      kernel: 1,
      bias: true,
    });
    return {
      forward(levels, context) {
        const size = levels[0]!.shape.slice(2) as [number, number];
        const all = levels.map((level, i) => (i === 0 ? level : resizeBilinear(level, size)));
        return conv(concat(all, 1), context);
      },
    };
  },
});

/** Decides at random whether the colours are inverted. */
const negative = transform({
  schema: z.strictObject({ type: z.literal("negative"), probability: z.number().min(0).max(1).default(0.5) }),
  apply(sample, { probability }, random) {
    if (random.next() >= probability) return sample;
    return { ...sample, image: { ...sample.image, data: sample.image.data.map((value) => 255 - value) } };
  },
});

const removals = [
  registerBackbone(toyBackbone),
  registerSegmentationHead(toyHead),
  registerTransform(negative, import.meta.url),
];

/** Other tests must see densekit without the toys. */
export function removeToys(): void {
  for (const remove of removals) remove();
}

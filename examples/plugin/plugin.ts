// A plugin: a backbone, a class loss and a transform that a config names by their types. The function is given what registers parts.
import { add, exp, mul, neg, scalar, sub } from "densekit/graph";
import { type Layer, normalisedConvolution, type ParameterScope, relu, sequential } from "densekit/nn";
import type { Backbone, Plugin } from "densekit/parts";

const register: Plugin = ({
  z,
  backboneKind,
  backboneSchema,
  fourStages,
  lossKind,
  pooledHead,
  transform,
  ...host
}) => {
  /** Four convolutions: the first makes the image four times smaller, the others halve it. */
  const plain = (scope: ParameterScope, width: number): Backbone => {
    const channels = [1, 2, 4, 8].map((factor) => factor * width);
    const parts = channels.map((out, i): Layer => {
      const stage = scope.child(`stages.${i}`);
      const before = i === 0 ? 3 : channels[i - 1]!;
      const scopes = { conv: stage.child("conv"), norm: stage.child("norm") };
      return sequential(normalisedConvolution(scopes, { in: before, out, kernel: 5, stride: i === 0 ? 4 : 2 }), relu);
    });
    return fourStages({ channels, parts, stages: [[], ...channels.map((_, i) => [`stages.${i}`])] });
  };

  host.registerBackbone(
    backboneKind({
      schema: backboneSchema("plain", { width: z.int().min(4).default(16).describe("Channels of the first stage") }),
      make: (scope, { width }) => plain(scope, width),
      classifier(scope, { width }, { classes }) {
        const { stages, channels, forward } = plain(scope, width);
        const head = pooledHead(scope.child("head"), { channels: channels.at(-1)!, classes });
        return { stages, forward: (x, context) => head(forward(x, context).at(-1)!, context) };
      },
      title: ({ width }) => `Plain ×${width}`,
      namings: [],
      published: { name: "plain", mark: /^no\.such\.weights$/ },
    }),
  );

  /** PolyLoss (Leng et al. 2022): the cross-entropy, with more weight on its first term, 1 − p. */
  host.registerLoss(
    lossKind({
      schema: z.strictObject({
        type: z.literal("poly"),
        epsilon: z.number().min(0).default(1).describe("How much more"),
      }),
      loss({ crossEntropy }, { epsilon }) {
        const rest = sub(scalar(1), exp(neg(crossEntropy)));
        return add(crossEntropy, mul(rest, scalar(epsilon)));
      },
    }),
  );

  host.registerTransform(
    transform({
      schema: z.strictObject({
        type: z.literal("grain"),
        strength: z.number().positive().default(12).describe("Largest change of a value"),
      }),
      apply(sample, { strength }, random) {
        const change = () => strength * (2 * random.next() - 1);
        return { ...sample, image: { ...sample.image, data: sample.image.data.map((v) => clamped(v + change())) } };
      },
    }),
  );
};

const clamped = (value: number): number => Math.max(0, Math.min(255, Math.round(value)));

export default register;

import { efficientFormer } from "../../lib/backbones/efficientformer.js";
import { input } from "../../lib/graph/index.js";
import { bufferOutputs, gradientOutputs, gradientStore, inputsOf } from "../../lib/models/bindings.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList } from "../../lib/nn/parameters.js";
import { checksum, normalisedImages, outputGradient } from "../inputs.js";
import type { Prepare } from "../protocol.js";
import { trainingSetup } from "./ablation.js";
import { benchValues, norm, sizeOfVariant } from "./models.js";

/** Forward with batch statistics, and the gradients of all parameters from fixed gradients of the four outputs. */
export const prepare: Prepare = async ({ variant, size, batch, ...options }) => {
  const list = new ParameterList();
  const backbone = efficientFormer(list.scope(), { size: sizeOfVariant(variant), biasSide: 25 });
  const values = benchValues(list.all);
  const { engine, normMode } = trainingSetup(options);
  const context = Context.training(normMode);
  const maps = backbone.forward(input("images", [batch, 3, ...size]), context);
  const seeds = maps.map((value, i) => ({ value, gradient: input(`seed/${i}`, value.shape) }));
  const program = await engine.compile({
    ...gradientOutputs(seeds, values.trainable, context),
    ...bufferOutputs(context.updates),
  });
  const images = normalisedImages(batch, size);
  const given = maps.map((_, i) => [`seed/${i}`, outputGradient(i, batch, backbone.channels[i]!, size)] as const);
  const gradients = new Float32Array(values.flat.length);
  const inputs = inputsOf(program, values, { images, ...Object.fromEntries(given) });
  const into = gradientStore(gradients, values.trainable).viewsFor(program);
  return {
    async run() {
      await program.run(inputs, into);
    },
    dispose: () => program.dispose(),
    checksum: checksum(images),
    check: () => norm(gradients),
  };
};

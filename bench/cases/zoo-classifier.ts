import { makeClassifier } from "../../lib/backbones/index.js";
import type { Prepare } from "../protocol.js";
import { prepareInference } from "./inference.js";
import { backboneNamed, zooValues } from "./zoo.js";

/** The backbone `variant`, one of `backboneNames`, with its published head. */
export const prepare: Prepare = (options) => {
  const config = backboneNamed(options.variant);
  const build = { imageSide: options.size[0], classes: 1000 };
  return prepareInference(
    options,
    (scope) => {
      const { forward } = makeClassifier(scope, config, build);
      return (images, context) => [forward(images, context)];
    },
    (parameters) => zooValues(config, parameters),
  );
};

import { efficientFormerClassifier } from "../../lib/backbones/efficientformer.js";
import type { Prepare } from "../protocol.js";
import { prepareInference } from "./inference.js";
import { sizeOfVariant } from "./models.js";

export const prepare: Prepare = (options) =>
  prepareInference(options, (scope) => {
    const { forward } = efficientFormerClassifier(scope, { size: sizeOfVariant(options.variant), classes: 1000 });
    return (images, context) => [forward(images, context)];
  });

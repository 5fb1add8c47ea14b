import { efficientFormer } from "../../lib/backbones/efficientformer.js";
import type { Prepare } from "../protocol.js";
import { prepareInference } from "./inference.js";
import { sizeOfVariant } from "./models.js";

export const prepare: Prepare = (options) =>
  prepareInference(
    options,
    (scope) => efficientFormer(scope, { size: sizeOfVariant(options.variant), biasSide: 25 }).forward,
  );

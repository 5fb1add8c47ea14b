import { makeBackbone } from "../../lib/backbones/index.js";
import type { Prepare } from "../protocol.js";
import { prepareInference } from "./inference.js";
import { backboneNamed, zooValues } from "./zoo.js";

/** The four maps of the backbone `variant`, one of `backboneNames`. */
export const prepare: Prepare = (options) => {
  const config = backboneNamed(options.variant);
  return prepareInference(
    options,
    (scope) => makeBackbone(scope, config, { imageSide: options.size[0] }).forward,
    (parameters) => zooValues(config, parameters),
  );
};

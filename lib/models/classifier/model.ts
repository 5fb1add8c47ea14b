import type { Classifier } from "../../backbones/backbone.js";
import { type BackboneConfig, makeClassifier } from "../../backbones/index.js";
import { type Parameter, ParameterList } from "../../nn/parameters.js";
import { IMAGE_SIDE } from "../backbone.js";

/** A backbone with its published head. */
export interface ClassifierModel extends Classifier {
  readonly classes: number;
  /**
   * All names begin with `backbone.`, the head's too, so that a published checkpoint also loads its head where it fits.
   */
  readonly parameters: readonly Parameter[];
}

/** Records which parameters a classifier has, and how it computes logits [B, classes]. */
export function classifierModel(backbone: BackboneConfig, classes: number): ClassifierModel {
  const list = new ParameterList();
  const options = { imageSide: IMAGE_SIDE.classification, classes };
  const made = makeClassifier(list.scope("backbone"), backbone, options);
  return { ...made, classes, parameters: list.all };
}

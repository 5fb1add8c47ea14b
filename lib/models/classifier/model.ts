import type { Backbone, Classifier } from "../../backbones/backbone.js";
import { type BackboneConfig, makeBackbone, makeClassifier } from "../../backbones/index.js";
import { type Parameter, ParameterList } from "../../nn/parameters.js";
import { IMAGE_SIDE } from "../backbone.js";

/** A backbone with the head of its publication. */
export interface ClassifierModel extends Classifier {
  readonly classes: number;
  /** All names begin with `backbone.`, the head's too, so that a published checkpoint brings its head where it fits. */
  readonly parameters: readonly Parameter[];
  /** What can be frozen. */
  readonly backbone: Pick<Backbone, "stages">;
}

export function classifierModel(backbone: BackboneConfig, classes: number): ClassifierModel {
  const list = new ParameterList();
  const options = { imageSide: IMAGE_SIDE.classification };
  const made = makeClassifier(list.scope("backbone"), backbone, { ...options, classes });
  const { stages } = makeBackbone(new ParameterList().scope("backbone"), backbone, options);
  return { ...made, classes, parameters: list.all, backbone: { stages } };
}

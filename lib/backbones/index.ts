import type { z } from "zod";
import type { ParameterScope } from "../nn/parameters.js";
import type { WeightAdapter } from "../nn/weightNames.js";
import { type KindSchema, kindOf, schemasOf } from "../schemas/kinds.js";
import {
  type Backbone,
  type BackboneKind,
  type Classifier,
  type ClassifierOptions,
  type Layers,
  type MakeOptions,
  withLast,
} from "./backbone.js";
import { deitKind } from "./deit.js";
import { efficientFormerKind } from "./efficientformer.js";
import { efficientFormerV2Kind } from "./efficientformerv2.js";
import { efficientNetKind } from "./efficientnet.js";
import { mobileNetV2Kind } from "./mobilenetv2.js";
import { mobileVitKind } from "./mobilevit.js";
import { poolFormerKind } from "./poolformer.js";
import { repVitKind } from "./repvit.js";
import { resNetKind } from "./resnet.js";

/** The backbones there are. A new one is a file of its own and a line here. */
export const BACKBONES = [
  efficientFormerKind,
  efficientFormerV2Kind,
  resNetKind,
  poolFormerKind,
  mobileNetV2Kind,
  mobileVitKind,
  efficientNetKind,
  repVitKind,
  deitKind,
] as const;

/** The schemas of all backbones, for the config. */
export const backboneSchemas = schemasOf(BACKBONES);

export type BackboneConfig = z.output<(typeof backboneSchemas)[number]>;

// Each kind takes its own config; that tie is lost in this look-up.
const KINDS = BACKBONES as readonly unknown[] as readonly (BackboneKind & { readonly schema: KindSchema })[];

/** Makes the backbone that a config describes; its parameters get the scope's path in front of their names. */
export function makeBackbone(scope: ParameterScope, config: BackboneConfig, options: MakeOptions): Backbone {
  return kindOf(KINDS, config).make(scope, config, options);
}

/** Makes the classifier of the same layers. */
export function makeClassifier(scope: ParameterScope, config: BackboneConfig, options: ClassifierOptions): Classifier {
  return kindOf(KINDS, config).classifier(scope, config, options);
}

/** The backbone's name as people write it. */
export const backboneTitle = (config: BackboneConfig): string => kindOf(KINDS, config).title(config);

/** The layers of a backbone, the stem's first, as `BackboneKind` has them. */
export function backboneLayers(config: BackboneConfig, { stages }: Pick<Backbone, "stages">): Layers {
  const { layers } = kindOf(KINDS, config);
  return layers?.(config) ?? withLast(stages, "norm");
}

/** What loading weights into this backbone knows beyond names. */
export function adaptersOf(config: BackboneConfig): readonly WeightAdapter[] {
  const { adapter } = kindOf(KINDS, config);
  return adapter === undefined ? [] : [adapter(config)];
}

/** The same where the config is not known: that of every backbone, as its defaults have it. */
export const anyAdapters = (): readonly WeightAdapter[] =>
  BACKBONES.flatMap((kind) => ("adapter" in kind && kind.adapter !== undefined ? [kind.adapter()] : []));

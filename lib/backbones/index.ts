import type { z } from "zod";
import type { ParameterScope } from "../nn/parameters.js";
import type { WeightAdapter } from "../nn/weightNames.js";
import { type KindSchema, KindTable, type SchemasOf } from "../schemas/kinds.js";
import {
  type Backbone,
  type BackboneKind,
  type Choices,
  type Classifier,
  type ClassifierOptions,
  type Layers,
  type MakeOptions,
  type PublishedWeights,
  withLast,
} from "./backbone.js";
import { deitKind } from "./deit.js";
import { efficientFormerKind } from "./efficientformer.js";
import { efficientFormerSupernetKind } from "./efficientformerSupernet.js";
import { efficientFormerV2Kind } from "./efficientformerv2.js";
import { efficientNetKind } from "./efficientnet.js";
import { mobileNetV2Kind } from "./mobilenetv2.js";
import { mobileVitKind } from "./mobilevit.js";
import { poolFormerKind } from "./poolformer.js";
import { repVitKind } from "./repvit.js";
import { resNetKind } from "./resnet.js";

/** All backbones. A new one is a file of its own and a line here. */
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
  efficientFormerSupernetKind,
] as const;

// Each kind takes its own config; this look-up loses that link.
const table = new KindTable<typeof BACKBONES, AnyBackbone>("backbone", BACKBONES);

type AnyBackbone = BackboneKind & { readonly schema: KindSchema };

// Named, because types without a name are written out wherever a config has them.
export interface BackboneSchema extends z.ZodDiscriminatedUnion<SchemasOf<typeof BACKBONES>, "type"> {}

export const backboneConfig = (): BackboneSchema => table.config().describe("Turns an image into features");

export type BackboneConfig = z.output<ReturnType<typeof backboneConfig>>;

/** Ours and those registered. */
export const allBackbones = (): readonly AnyBackbone[] => table.all;

/** Adds a backbone, which configs may then name. @returns a function that removes it @throws UserError if its type is taken */
export const registerBackbone = <Schema extends KindSchema>(kind: BackboneKind<Schema>) =>
  table.add(kind as unknown as AnyBackbone);

/** Makes the backbone that a config describes; its parameter names begin with the scope's path. */
export function makeBackbone(scope: ParameterScope, config: BackboneConfig, options: MakeOptions): Backbone {
  return table.of(config).make(scope, config, options);
}

/** Makes the classifier with the same layers. */
export function makeClassifier(scope: ParameterScope, config: BackboneConfig, options: ClassifierOptions): Classifier {
  return table.of(config).classifier(scope, config, options);
}

/** The backbone's name in prose. */
export const backboneTitle = (config: BackboneConfig): string => table.of(config).title(config);

/** The layers of a backbone, the stem's first, as in `BackboneKind`. */
export function backboneLayers(config: BackboneConfig, { stages }: Pick<Backbone, "stages">): Layers {
  const { layers } = table.of(config);
  return layers?.(config) ?? withLast(stages, "norm");
}

/** The choices of a supernet; undefined for other backbones. */
export const choicesOf = (config: BackboneConfig): Choices | undefined => table.of(config).choices?.(config);

/** The published weights of a backbone, if there are any. */
export const publishedWeights = (config: BackboneConfig): PublishedWeights | undefined =>
  table.of(config).imagenet?.(config);

/** How loading weights into this backbone handles checkpoints that differ by design. */
export function adaptersOf(config: BackboneConfig): readonly WeightAdapter[] {
  const { adapter } = table.of(config);
  return adapter === undefined ? [] : [adapter(config)];
}

/** The same where the config is not known: those of every backbone with its defaults. */
export const anyAdapters = (): readonly WeightAdapter[] =>
  allBackbones().flatMap(({ adapter }) => (adapter === undefined ? [] : [adapter()]));

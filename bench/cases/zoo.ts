import type { BackboneConfig } from "../../lib/backbones/index.js";
import type { Parameter, ParameterValues } from "../../lib/nn/parameters.js";
import { findModel } from "../../lib/profile/model.js";
import { benchValues } from "./models.js";

export const backboneNamed = (name: string): BackboneConfig => findModel(name, []).config.model.backbone;

/** Factors for parameters by the end of their names, as in `Published.gains` of bench/peers/goldens.py. */
const GAINS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  repvit: { "token_mixer.bn.weight": 0.5, "conv2.bn.weight": 0.5 },
};

export function zooValues({ type }: BackboneConfig, parameters: readonly Parameter[]): ParameterValues {
  const values = benchValues(parameters);
  for (const [end, gain] of Object.entries(GAINS[type] ?? {})) {
    for (const { name } of parameters.filter(({ name }) => name.endsWith(end))) {
      const view = values.view(name);
      view.set(view.map((x) => x * gain));
    }
  }
  return values;
}

import { describeSetting } from "../../profile/format.js";
import { VARIANT_HEAD, variantRow } from "../../profile/observations/table.js";
import type { ExperimentResult, ObservationResult, ObserveResult } from "../../profile/observations/types.js";
import { table } from "../table.js";

/** All results, as text. */
export function describeObservations({ setting, observations, out }: ObserveResult): string {
  const parts = [describeSetting(setting).join("\n"), ...observations.flatMap(describeObservation)];
  return [...parts, ...(out === undefined ? [] : [out])].join("\n\n");
}

const describeObservation = ({ title, paper, experiments }: ObservationResult): string[] => [
  `${title.toUpperCase()}\nThe paper: ${paper}`,
  ...experiments.map(describeExperiment),
];

const describeExperiment = ({ title, variants, sentence }: ExperimentResult): string =>
  [title, table([[...VARIANT_HEAD], ...variants.map(variantRow)]), sentence].join("\n");

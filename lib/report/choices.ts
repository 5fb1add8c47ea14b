import type { Series } from "../images/draw/plot.js";
import type { TrainingHistory } from "../runs/history.js";

/** For each stage of a supernet how its choices' shares went, but the identity's, which has the rest. */
export function choiceCurves(architectures: TrainingHistory["architectures"]): [caption: string, series: Series[]][] {
  const paths = architectures.at(-1)?.paths ?? [];
  const stages = [...new Set(paths.map(({ stage }) => stage))];
  return stages.map((stage) => {
    const series = paths.flatMap(({ stage: own, block, share }) =>
      own !== stage
        ? []
        : Object.keys(share)
            .filter((choice) => choice !== "identity")
            .map((choice) => curve(architectures, stage, block, choice)),
    );
    return [`Supernet, stage ${stage}: shares of the blocks; the rest is the identity's`, series];
  });
}

function curve(architectures: TrainingHistory["architectures"], stage: number, block: number, choice: string): Series {
  const points = architectures.map(({ step, paths }): [number, number] => {
    const path = paths.find((one) => one.stage === stage && one.block === block);
    return [step, path?.share[choice] ?? Number.NaN];
  });
  return { name: `${choice}, block ${block}`, points };
}

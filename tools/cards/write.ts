import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../../lib/files.js";
import { renderSvg } from "../../lib/images/draw/svg.js";
import { encodePng } from "../../lib/images/encode.js";
import { milliseconds } from "../../lib/profile/format.js";
import { accuracyPanels, type Card, cards, cardText, familiesOf } from "./cards.js";
import { type Latencies, readLatencies, referenceLatency } from "./latencies.js";
import { accuracyPlot } from "./plot.js";
import { ZOO_TASKS } from "./published.js";

const ZOOM = 2;

/** All cards, one after the other. */
export async function allCards(all: readonly Card[] = cards(), latencies = readLatencies()): Promise<string> {
  const texts: string[] = [];
  for (const card of all) texts.push(await cardText(card, latencies));
  return texts.join("\n\n");
}

/** Where and how the latencies were measured. */
export function measuredWhere({ machine, tasks }: Latencies): string {
  const lines = ZOO_TASKS.flatMap(({ name, title }) => {
    const measured = tasks[name];
    if (measured === undefined) return [];
    const { how, reference, referenceMs } = measured;
    const [least, most] = [Math.min(...referenceMs), Math.max(...referenceMs)].map(milliseconds);
    const range = least === most ? "" : `, ${least}–${most} from group to group of models`;
    return [`- ${title}: ${reference} ${milliseconds(referenceLatency(measured))} ms${range}; ${how}`];
  });
  return [`${machine}:`, "", ...lines].join("\n");
}

/** The image of docs/models.md: published accuracy over latency measured here. */
export function accuracySvg(latencies = readLatencies()): string {
  const { how } = Object.values(latencies.tasks)[0]!;
  const [engine] = how.split(";");
  const [processor, cores] = latencies.machine.split(", ");
  return accuracyPlot(accuracyPanels(latencies), {
    families: familiesOf(),
    notes: [
      `Latency: densekit, batch 1, random weights, ${engine}, on ${processor} with ${cores}; bars are 95 % intervals.`,
      "Measured by npm run bench -- cards. Accuracy: as published for these configs, not measured by densekit. Sources: docs/models.md.",
    ],
  });
}

export async function writeAccuracyPlot(): Promise<void> {
  const image = renderSvg(accuracySvg(), ZOOM);
  const path = fileURLToPath(new URL("../../../docs/models.png", import.meta.url)); // from dist/tools/cards
  await writeFileAtomic(path, await encodePng(image));
}

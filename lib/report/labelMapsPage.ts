import { figures, type Section, tableOf } from "../pages/index.js";
import { classChart } from "./classChart.js";
import { confusionContent } from "./confusionPage.js";
import { percent } from "./format.js";
import type { LabelMapAnalysis } from "./labelMaps.js";

/** The sections on a segmenter, except its worst images. */
export async function labelMapSections({
  dataset,
  confusion,
  figures: measured,
}: LabelMapAnalysis): Promise<Section[]> {
  const { classes } = dataset;
  const K = classes.length;
  const { iou, acc, precision, dice } = measured.perClass;
  const labelled = confusion.counts.reduce((a, b) => a + b, 0);
  const shareOf = (k: number): number =>
    confusion.counts.subarray(k * K, (k + 1) * K).reduce((a, b) => a + b, 0) / labelled;
  const order = classes.map((_, k) => k).sort((a, b) => shareOf(b) - shareOf(a));
  const cells = [shareOf, ...[iou, acc, precision, dice].map((values) => (k: number) => values[k]!)];
  const rows = order.map((k) => [classes[k]!, ...cells.map((cell) => percent(cell(k)))]);
  const { mIoU, mAcc, mPrecision, mDice } = measured;
  const means = ["mean", "", ...[mIoU, mAcc, mPrecision, mDice].map(percent)];
  const chart = await classChart("IoU", classes, order, (k) => (iou[k]! >= 0 ? iou[k]! : null));
  return [
    {
      title: "Classes",
      text: "In per cent. Accuracy is the share of a class's pixels that were found, precision the share of the found pixels that are right.",
      content: [
        figures([chart, tableOf(["class", "of all pixels", "IoU", "accuracy", "precision", "Dice"], [...rows, means])]),
      ],
    },
    {
      title: "Confusion",
      text: "Rows are annotated classes, columns predicted ones: per cent of the row's pixels. Pixels without a label are left out.",
      content: await confusionContent({ names: classes, counts: confusion.counts, unit: "pixels" }),
    },
  ];
}

import { histogramSvg } from "../../images/draw/charts.js";
import { keyFigures, svgFigure } from "../../pages/index.js";
import { percent, type SetPart, short, sizesTable, wholeBins } from "./pageParts.js";
import type { PixelValues } from "./pixels.js";
import type { PixelStats } from "./types.js";

export const pixelPart: SetPart<PixelStats, PixelValues> = {
  chart: { caption: "Pixels", valueLabel: "share of the labelled pixels, %", format: ".1f" },
  head: ["Of all pixels", "Pictures", "Median where present"],
  amount: ({ share }) => 100 * share,
  row: ({ name, share, pictures, medianShare }) => [
    name,
    percent(share),
    pictures,
    medianShare === null ? "–" : percent(medianShare),
  ],
  overview(stats) {
    const figuresOf = keyFigures([
      ["pictures", stats.pictures],
      ["classes", stats.classes.length],
      ["classes a picture, median", short(stats.classesPerPicture.median)],
      ["pixels ignored", percent(stats.ignored)],
    ]);
    return { title: stats.name, content: [figuresOf, sizesTable(stats)] };
  },
  async details(name, { perPicture }) {
    const svg = await histogramSvg(perPicture, { xLabel: "classes", yLabel: "pictures", ...wholeBins(perPicture) });
    return { title: `${name}: pictures`, content: [svgFigure(svg, { caption: "Classes a picture" })] };
  },
};

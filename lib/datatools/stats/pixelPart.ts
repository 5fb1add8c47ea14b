import { histogramSvg } from "../../images/draw/charts.js";
import { keyFigures, svgFigure } from "../../pages/index.js";
import { percent, type SetPart, short, sizesTable, wholeBins } from "./pageParts.js";
import type { PixelValues } from "./pixels.js";
import type { PixelStats } from "./types.js";

export const pixelPart: SetPart<PixelStats, PixelValues> = {
  chart: { caption: "Pixels", valueLabel: "share of the labelled pixels, %", format: ".1f" },
  head: ["Of all pixels", "Images", "Median where present"],
  amount: ({ share }) => 100 * share,
  row: ({ name, share, images, medianShare }) => [
    name,
    percent(share),
    images,
    medianShare === null ? "–" : percent(medianShare),
  ],
  overview(stats) {
    const figuresOf = keyFigures([
      ["images", stats.images],
      ["classes", stats.classes.length],
      ["classes per image, median", short(stats.classesPerImage.median)],
      ["pixels ignored", percent(stats.ignored)],
    ]);
    return { title: stats.name, content: [figuresOf, sizesTable(stats)] };
  },
  async details(name, { perImage }) {
    const svg = await histogramSvg(perImage, { xLabel: "classes", yLabel: "images", ...wholeBins(perImage) });
    return { title: `${name}: images`, content: [svgFigure(svg, { caption: "Classes per image" })] };
  },
};

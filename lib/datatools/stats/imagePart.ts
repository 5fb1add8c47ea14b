import { histogramSvg, scatterSvg } from "../../images/draw/charts.js";
import { figures, keyFigures, svgFigure } from "../../pages/index.js";
import type { ImageValues } from "./images.js";
import { percent, type SetPart, short, sizesTable, spreadsTable, wholeBins } from "./pageParts.js";
import type { ImageStats } from "./types.js";

export const imagePart: SetPart<ImageStats, ImageValues> = {
  chart: { caption: "Images", valueLabel: "images" },
  head: ["Images", "Share"],
  amount: ({ images }) => images,
  row: ({ name, images, share }) => [name, images, percent(share)],
  overview(stats) {
    const { name, images, measured, classes, perClass, imbalance, empty } = stats;
    const spreads = spreadsTable([
      ["Images a class", perClass],
      ["Image width", stats.widths],
      ["Image height", stats.heights],
    ]);
    const texts = [
      ...(measured < images ? [`Sizes are those of ${measured} images drawn at random.`] : []),
      ...(empty.length > 0 ? [`Classes without images: ${empty.join(", ")}.`] : []),
    ];
    return {
      title: name,
      ...(texts.length > 0 && { text: texts.join(" ") }),
      content: [
        keyFigures([
          ["images", images],
          ["classes", classes.length],
          ["images per class, median", short(perClass.median)],
          ["largest class over the smallest", short(imbalance)],
          ["classes without an image", empty.length],
        ]),
        figures([spreads, sizesTable(stats)]),
      ],
    };
  },
  async details(name, { perClass, sizes }) {
    const points = sizes.map(({ width, height }): [number, number] => [width, height]);
    const list: [string, string][] = [
      ["Images a class", await histogramSvg(perClass, { xLabel: "images", yLabel: "classes", ...wholeBins(perClass) })],
      [
        "Width and height of the images",
        await scatterSvg(points, { xLabel: "width, pixels", yLabel: "height, pixels", scale: "log" }),
      ],
    ];
    return {
      title: `${name}: images`,
      content: [figures(list.map(([caption, svg]) => svgFigure(svg, { caption })))],
    };
  },
};

import { histogramSvg, scatterSvg } from "../../images/draw/charts.js";
import { figures, keyFigures, svgFigure } from "../../pages/index.js";
import { Random } from "../../random.js";
import type { ObjectValues } from "./objects.js";
import { percent, type SetPart, short, sizesTable, spreadsTable, wholeBins } from "./pageParts.js";
import type { ObjectStats } from "./types.js";

/** More points than this make a drawing larger but not clearer. */
const POINTS = 1500;

export const objectPart: SetPart<ObjectStats, ObjectValues> = {
  chart: { caption: "Objects", valueLabel: "objects" },
  head: ["Objects", "Share", "Images", "Median √ area"],
  amount: ({ objects }) => objects,
  row: ({ name, objects, images, share, medianSide }) => [
    name,
    objects,
    percent(share),
    images,
    medianSide === null ? "–" : short(medianSide),
  ],
  overview(stats) {
    const { report, perImage, sides, ratios, areas } = stats;
    const spreads = spreadsTable([
      ["Objects per image", perImage],
      ["√ box area, pixels", sides],
      ["Box width over height", ratios],
      ["Image width", stats.widths],
      ["Image height", stats.heights],
    ]);
    return {
      title: stats.name,
      text: "Small, medium and large as in COCO: areas below 32², below 96² and above. Crowds are left out below.",
      content: [
        keyFigures([
          ["images", stats.images],
          ["without objects", report.imagesWithoutObjects],
          ["objects", report.objects - report.crowds],
          ["crowds", report.crowds],
          ...(report.degenerateBoxes > 0
            ? ([["left out, boxes thinner than a pixel", report.degenerateBoxes]] as const)
            : []),
          ["with masks", report.objects - report.withoutMask],
          ["small", percent(areas.small)],
          ["medium", percent(areas.medium)],
          ["large", percent(areas.large)],
        ]),
        figures([spreads, sizesTable(stats)]),
      ],
    };
  },
  async details(name, { widths, heights, perImage }) {
    const sides = widths.map((width, i) => Math.sqrt(width * heights[i]!));
    const ratios = widths.map((width, i) => width / heights[i]!);
    const chosen = Random.of("stats", name).choose(widths.length, POINTS);
    const points = Array.from(chosen, (i): [number, number] => [widths[i]!, heights[i]!]);
    const drawings: [string, string][] = [
      [
        "Size of the objects: the square root of the box's area",
        await histogramSvg(sides, {
          xLabel: "√ area, pixels",
          yLabel: "objects",
          xScale: "log",
          marks: [
            { x: 32, text: "medium" },
            { x: 96, text: "large" },
          ].filter(({ x }) => x > Math.min(...sidesEnds(sides))),
        }),
      ],
      [
        "Shape of the objects: above 1, wider than high",
        await histogramSvg(ratios, { xLabel: "width over height", yLabel: "objects", xScale: "log" }),
      ],
      [
        `Width and height of the boxes${chosen.length < widths.length ? `, ${chosen.length} of ${widths.length}` : ""}`,
        await scatterSvg(points, { xLabel: "width, pixels", yLabel: "height, pixels", scale: "log" }),
      ],
      [
        "Objects per image",
        await histogramSvg(perImage, { xLabel: "objects", yLabel: "images", ...wholeBins(perImage) }),
      ],
    ];
    const content = figures(drawings.map(([caption, svg]) => svgFigure(svg, { caption })));
    return { title: `${name}: objects`, content: [content] };
  },
};

const sidesEnds = (sides: readonly number[]): number[] => [sides.reduce((a, b) => Math.min(a, b), 32)];

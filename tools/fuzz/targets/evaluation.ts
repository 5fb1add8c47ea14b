import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../lib/errors.js";
import { evaluateCocoFiles } from "../../../lib/evaluation/cocoFiles.js";
import { compressRle } from "../../../lib/masks/strings.js";
import type { Random } from "../../../lib/random.js";
import { damaged, many, numbers, numberText, pick, SIZE, sideText } from "../annotations/values.js";
import type { FuzzTarget } from "../target.js";

/** Separates the two files of an input. */
const BETWEEN = 0x1e;
/** Approximate number of chunks of both files. */
const PIECES = 16;
const BREAK = Uint8Array.of(BETWEEN);
const TYPES = ["bbox", "segm"] as const;

export const target: FuzzTarget = {
  about: "COCO JSON with COCO results, evaluated by boxes and masks, whole and in chunks: both must agree",
  open(folder) {
    const [annotations, results] = [join(folder, "truth.json"), join(folder, "found.json")];
    return {
      make: (random) =>
        Buffer.concat([seldomDamaged(truthText(random), random), BREAK, seldomDamaged(foundText(random), random)]),
      async attempt(input) {
        const end = input.indexOf(BETWEEN);
        await writeFile(annotations, input.subarray(0, end));
        await writeFile(results, input.subarray(end + 1));
        const pieceBytes = Math.ceil(input.length / PIECES);
        let refusal: UserError | undefined;
        for (const type of TYPES) {
          const whole = await judge({ annotations, results, type });
          const pieces = await judge({ annotations, results, type, pieceBytes });
          if (JSON.stringify(whole) !== JSON.stringify(pieces)) {
            throw new Error(`${type}: chunks give ${JSON.stringify(pieces)}, the whole gives ${JSON.stringify(whole)}`);
          }
          if (whole instanceof UserError) refusal = whole;
          else checkFigures(whole.stats);
        }
        if (refusal !== undefined) throw refusal;
      },
    };
  },
};

const seldomDamaged = (text: string, random: Random): Uint8Array =>
  random.next() < 0.3 ? damaged(text, random) : Buffer.from(text);

async function judge(options: Parameters<typeof evaluateCocoFiles>[0]) {
  try {
    const { stats, categories, remarks } = await evaluateCocoFiles({ ...options, threads: 1 });
    return { stats, categories, remarks };
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

function checkFigures(stats: readonly number[]): void {
  for (const value of stats) {
    if (value !== -1 && !(value >= 0 && value <= 1 + 1e-9)) throw new Error(`a metric is ${value}`);
  }
}

/** An id: mostly an existing one, sometimes another, or no id at all. */
function idText(random: Random, most: number): string {
  if (random.next() < 0.98) return String(1 + random.integer(most));
  return pick(random, ["0", "-1", "1.5", '"1"', "9007199254740992", "9007199254740993", "null", "77", "[1]", "NaN"]);
}

const sizeText = (random: Random) =>
  `"width":${sideText(random, SIZE.width)},"height":${sideText(random, SIZE.height)}`;

/** Mostly correct, because an entry that is refused hides the others. */
const usually = <T>(random: Random, right: readonly T[], odd: () => T): T =>
  random.next() < 0.93 ? pick(random, right) : odd();

const boxText = (random: Random): string =>
  usually(random, ["[2,2,5,5]", "[4,3,6,4]", "[4,3,-2,0]", "[1e9,-1e9,1e18,1]"], () => {
    return `[${numbers(random, 4).join(",")}]`;
  });

const COMPRESSED = JSON.stringify({
  size: [SIZE.height, SIZE.width],
  counts: compressRle({ height: SIZE.height, width: SIZE.width, counts: Uint32Array.of(26, 5, 7, 5, 7, 5, 137) }),
});

function shapeText(random: Random): string {
  const right = [
    '{"size":[12,16],"counts":[30,5,7,5,7,5,133]}',
    COMPRESSED,
    "[[2,2,7,2,7,7,2,7]]",
    "[[3,3,9,4,30,30]]",
  ];
  return usually(random, right, () => oddShape(random));
}

function oddShape(random: Random): string {
  return pick(random, [
    () => `[[${numbers(random, 2 * (3 + random.integer(4))).join(",")}]]`,
    () => `{"size":[12,16],"counts":[${numbers(random, random.integer(6)).join(",")}]}`,
    () => pick(random, ["[]", "null", "[[1,2,3,4]]", '{"size":[1e9,1e9],"counts":[1e18]}']),
  ])();
}

function truthText(random: Random): string {
  const images = [1, 2].map((id) => `{"id":${id},${sizeText(random)}}`);
  let id = random.next() < 0.05 ? -1 : 0;
  const objects = many(random, 5, () => {
    const fields = [`"id":${random.next() < 0.98 ? ++id : idText(random, 3)}`];
    fields.push(`"image_id":${idText(random, 2)}`, `"category_id":${idText(random, 2)}`);
    if (random.next() < 0.9) fields.push(`"bbox":${boxText(random)}`);
    if (random.next() < 0.97) fields.push(`"segmentation":${shapeText(random)}`);
    if (random.next() < 0.5)
      fields.push(`"area":${usually(random, ["25", "1e4", "-1", "0"], () => numberText(random) || "25")}`);
    if (random.next() < 0.5) fields.push(`"iscrowd":${pick(random, ["0", "0", "1", "true", "null", "2"])}`);
    return `{${fields.join(",")}}`;
  });
  const name = pick(random, ['"cat"', '"cat"', '"__proto__"', "3", "null", '""']);
  const categories = `[{"id":1,"name":${name}},{"id":2,"name":"dog"}]`;
  return `{"images":[${images.join(",")}],"annotations":[${objects.join(",")}],"categories":${categories}}`;
}

function foundText(random: Random): string {
  const found = many(random, 6, () => {
    const fields = [`"image_id":${idText(random, 2)}`, `"category_id":${idText(random, 3)}`];
    if (random.next() < 0.9) fields.push(`"bbox":${boxText(random)}`);
    if (random.next() < 0.97) fields.push(`"segmentation":${shapeText(random)}`);
    const score = random.next() < 0.95 ? random.next().toFixed(2) : numberText(random) || "1";
    return `{${fields.join(",")},"score":${score}}`;
  });
  return `[${found.join(",")}]`;
}

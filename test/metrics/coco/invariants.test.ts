import { expect } from "chai";
import fc from "fast-check";
import type { CocoAnnotation, CocoResult } from "../../../lib/coco/entries.js";
import { segmentationToRle } from "../../../lib/masks/coco.js";
import { evaluateCoco, evaluateInstances } from "../../../lib/metrics/coco/evaluate.js";
import type { EvaluationType } from "../../../lib/metrics/coco/tables.js";
import { Random } from "../../../lib/random.js";
import { randomScene, type Scene } from "./scenes.js";

const seeds = fc.nat(100_000);
const types: readonly EvaluationType[] = ["bbox", "segm"];

/** Results that repeat the ground truth, without crowds. */
function perfectResults({ groundTruth }: Scene): CocoResult[] {
  return groundTruth.annotations
    .filter(({ iscrowd }) => iscrowd === 0)
    .map(({ image_id, category_id, bbox, segmentation }) => ({
      image_id,
      category_id,
      score: 0.5,
      bbox,
      ...(segmentation && { segmentation }),
    }));
}

function expectSameStats(actual: readonly number[], expected: readonly number[]): void {
  actual.forEach((value, i) => {
    expect(value, `figure ${i}`).to.be.closeTo(expected[i]!, 1e-12);
  });
}

describe("COCO evaluation: what must hold on any data set", () => {
  it("repeating the objects gives AP 1 and AR 1 wherever they are defined", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const scene = randomScene(seed);
        for (const type of types) {
          const { stats } = evaluateCoco({ groundTruth: scene.groundTruth, results: perfectResults(scene), type });
          for (const i of [0, 1, 2, 8]) if (stats[i] !== -1) expect(stats[i]).to.be.closeTo(1, 1e-12);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("no results give AP 0 and AR 0, no objects −1", () => {
    const { groundTruth, results } = randomScene(3);
    expect(groundTruth.annotations.some(({ iscrowd }) => iscrowd === 0)).to.equal(true);
    expect(evaluateCoco({ groundTruth, results: [], type: "bbox" }).stats[0]).to.equal(0);
    const empty = { ...groundTruth, annotations: [] };
    expect(evaluateCoco({ groundTruth: empty, results, type: "bbox" }).stats).to.deep.equal(new Array(12).fill(-1));
  });

  it("the order of annotations and categories, and any increasing function of the scores, change nothing", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { groundTruth, results } = randomScene(seed);
        const distinct = results.map((result, i) => ({ ...result, score: result.score + i * 1e-6 }));
        const random = Random.of("order", seed);
        const shuffled = {
          ...groundTruth,
          images: random.shuffle([...groundTruth.images]),
          categories: random.shuffle([...groundTruth.categories]),
        };
        const rescored = random.shuffle(distinct.map((result) => ({ ...result, score: Math.exp(3 * result.score) })));
        for (const type of types) {
          const before = evaluateCoco({ groundTruth, results: distinct, type });
          const after = evaluateCoco({ groundTruth: shuffled, results: rescored, type });
          expectSameStats(after.stats, before.stats);
          expect(after.precision).to.deep.equal(before.precision);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("a wrong detection with the lowest score never raises AP, and recall stays", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { groundTruth, results } = randomScene(seed);
        const [image, category] = [groundTruth.images[0]!, groundTruth.categories[0]!];
        const wrong = { image_id: image.id, category_id: category.id, score: -1, bbox: [0, 0, 1, 1] };
        const before = evaluateCoco({ groundTruth, results, type: "bbox" });
        const after = evaluateCoco({ groundTruth, results: [...results, wrong], type: "bbox" });
        expect(after.stats[0]).to.be.at.most(before.stats[0]! + 1e-12);
        expect(after.stats[8]).to.be.closeTo(before.stats[8]!, 1e-12);
      }),
      { numRuns: 30 },
    );
  });

  it("evaluating some images or categories equals evaluating a file with only those", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { groundTruth, results } = randomScene(seed);
        const imageIds = groundTruth.images.slice(1).map(({ id }) => id);
        const keep = ({ image_id, category_id }: CocoAnnotation | CocoResult) =>
          imageIds.includes(image_id) && category_id === 2;
        const cut = {
          images: groundTruth.images.slice(1),
          categories: groundTruth.categories.filter(({ id }) => id === 2),
          annotations: groundTruth.annotations.filter(keep),
        };
        const part = evaluateCoco({ groundTruth, results, type: "segm", imageIds, categoryIds: [2] });
        const alone = evaluateCoco({ groundTruth: cut, results: results.filter(keep), type: "segm" });
        expect(part.stats).to.deep.equal(alone.stats);
        expect(part.categories.map(({ id }) => id)).to.deep.equal([2]);
      }),
      { numRuns: 30 },
    );
  });

  it("objects in memory are evaluated like the same objects in files", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const scene = randomScene(seed);
        // Without its box, a result's size class depends on its mask, as in memory.
        const segmResults = scene.results.map(({ bbox: _, ...result }) => result);
        for (const type of types) {
          const results = type === "bbox" ? scene.results : segmResults;
          const files = evaluateCoco({ groundTruth: scene.groundTruth, results, type });
          const memory = evaluateInstances({ ...inMemory(scene), type });
          expectSameStats(memory.stats, files.stats);
        }
      }),
      { numRuns: 30 },
    );
  });
});

function inMemory({ groundTruth, results }: Scene) {
  const ids = groundTruth.categories.map(({ id }) => id).sort((a, b) => a - b);
  const columns = (objects: readonly (CocoAnnotation | CocoResult)[], height: number, width: number) => ({
    boxes: Float64Array.from(
      objects.flatMap(({ bbox }) => [bbox![0]!, bbox![1]!, bbox![0]! + bbox![2]!, bbox![1]! + bbox![3]!]),
    ),
    labels: Int32Array.from(objects, ({ category_id }) => ids.indexOf(category_id)),
    masks: objects.map(({ segmentation }) => segmentationToRle(segmentation!, height, width)),
  });
  return {
    classes: ids.map(String),
    groundTruth: groundTruth.images.map(({ id, height, width }) => {
      const own = groundTruth.annotations.filter(({ image_id }) => image_id === id);
      const crowd = Uint8Array.from(own, ({ iscrowd }) => iscrowd ?? 0);
      const areas = Float64Array.from(own, ({ area }) => area!);
      return { imageId: id, ...columns(own, height, width), crowd, areas };
    }),
    detections: groundTruth.images.map(({ id, height, width }) => {
      const own = results.filter(({ image_id }) => image_id === id);
      return { imageId: id, ...columns(own, height, width), scores: Float64Array.from(own, ({ score }) => score) };
    }),
  };
}

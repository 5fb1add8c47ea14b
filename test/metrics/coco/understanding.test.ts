import { expect } from "chai";
import type { CocoGroundTruth, CocoResult } from "../../../lib/coco/entries.js";
import { assignImages } from "../../../lib/metrics/coco/assignment.js";
import { detectionConfusion } from "../../../lib/metrics/coco/confusion.js";
import { evaluateCoco } from "../../../lib/metrics/coco/evaluate.js";
import {
  bestOperatingPoint,
  imageScores,
  operatingPoints,
  worstImages,
} from "../../../lib/metrics/coco/operatingPoints.js";
import { detectionTable, readGroundTruth } from "../../../lib/metrics/coco/reading.js";
import type { EvaluationType } from "../../../lib/metrics/coco/tables.js";
import { mostConfused } from "../../../lib/metrics/mostConfused.js";
import { randomScene, type Scene } from "./scenes.js";

function assigned({ groundTruth, results }: Scene, type: EvaluationType) {
  const [frame, truth] = readGroundTruth(groundTruth, { type });
  const input = { type, groundTruth: truth, detections: detectionTable(results, frame, truth, "image") };
  return { input, images: assignImages(input) };
}

const SCENES = Array.from({ length: 60 }, (_, seed) => [randomScene(seed), seed % 2 === 0 ? "bbox" : "segm"] as const);

describe("correct detections", () => {
  it("agree with COCO's matching if overlaps do not tie", () => {
    for (const [scene, type] of SCENES) {
      const { input, images } = assigned(scene, type);
      const { matches } = evaluateCoco({ ...scene, type, iouThresholds: [0.5], keepMatches: true });
      const all = matches.filter(({ areaRange }) => areaRange === 0);
      const found = all.flatMap((match) =>
        [...match.groundTruthIgnored].flatMap((ignored, g) =>
          ignored === 0 && match.groundTruthMatches[g]! > 0 ? [match.groundTruthIds[g]!] : [],
        ),
      );
      const own = images.flatMap(({ objects, found: by }) =>
        [...objects].filter((_, g) => by[g]! >= 0).map((row) => input.groundTruth.ids[row]!),
      );
      expect(own.sort((a, b) => a - b)).to.deep.equal(found.sort((a, b) => a - b));
    }
  });
});

describe("operating points", () => {
  it("equal counts without the detections below each score", () => {
    for (const [scene, type] of SCENES) {
      const { input, images } = assigned(scene, type);
      const points = operatingPoints(images, input.groundTruth, input.detections);
      for (const point of points) {
        const results = scene.results.filter(({ score }) => score >= point.score);
        const fewer = assigned({ ...scene, results }, type);
        const scores = imageScores(fewer.images, fewer.input.groundTruth, fewer.input.detections, 0);
        const sum = (key: "right" | "wrong" | "missed") => scores.reduce((total, score) => total + score[key], 0);
        expect([point.right, point.wrong, point.missed]).to.deep.equal([sum("right"), sum("wrong"), sum("missed")]);
      }
      const best = bestOperatingPoint(points);
      expect(best?.f1).to.equal(points.length === 0 ? undefined : Math.max(...points.map(({ f1 }) => f1)));
    }
  });

  it("are empty without detections", () => {
    const { input, images } = assigned({ ...randomScene(1), results: [] }, "bbox");
    expect(operatingPoints(images, input.groundTruth, input.detections)).to.deep.equal([]);
    expect(bestOperatingPoint([])).to.equal(undefined);
  });
});

describe("confusion of detections", () => {
  it("counts each object and each detection once, the right ones on the diagonal", () => {
    for (const [scene, type] of SCENES) {
      const { input, images } = assigned(scene, type);
      for (const scoreThreshold of [0, 0.5]) {
        const { counts, classes: K, ignored } = detectionConfusion(images, { ...input, scoreThreshold });
        const cell = (row: number, column: number) => counts[row * (K + 1) + column]!;
        const line = Array.from({ length: K + 1 }, (_, i) => i);
        const scores = imageScores(images, input.groundTruth, input.detections, scoreThreshold);
        const right = scores.reduce((sum, score) => sum + score.right, 0);
        expect(line.slice(0, K).reduce((sum, k) => sum + cell(k, k), 0)).to.equal(right);
        expect(cell(K, K)).to.equal(0);
        for (const k of line.slice(0, K)) {
          const objects = scene.groundTruth.annotations.filter(
            (a) => a.iscrowd === 0 && a.category_id === input.groundTruth.categoryIds[k],
          );
          expect(line.reduce((sum, column) => sum + cell(k, column), 0)).to.equal(objects.length);
        }
        const detected = scene.results.filter(({ score }) => score >= scoreThreshold).length;
        const columns = line.slice(0, K).reduce((sum, k) => sum + line.reduce((s, row) => s + cell(row, k), 0), 0);
        expect(columns + ignored).to.equal(detected);
      }
    }
  });

  const one = (truth: readonly [number, number, 0 | 1][], found: readonly [number, number, number][]) => {
    const groundTruth: CocoGroundTruth = {
      images: [{ id: 1, width: 200, height: 10 }],
      categories: [1, 2].map((id) => ({ id, name: `kind ${id}` })),
      annotations: truth.map(([category_id, x, iscrowd], i) => {
        return { id: i + 1, image_id: 1, category_id, bbox: [x, 0, 10, 10], iscrowd };
      }),
    };
    const results: CocoResult[] = found.map(([category_id, x, score]) => {
      return { image_id: 1, category_id, score, bbox: [x, 0, 10, 10] };
    });
    const { input, images } = assigned({ groundTruth, results }, "bbox");
    const { counts, ignored } = detectionConfusion(images, { ...input, scoreThreshold: 0.3 });
    return { rows: [0, 3, 6].map((at) => [...counts.subarray(at, at + 3)]), ignored };
  };

  it("prefers an object of its own class, then one of another", () => {
    // The better detection of class 2 is on the object of class 1, which its own detection still gets.
    expect(
      one(
        [[1, 0, 0]],
        [
          [2, 0, 0.9],
          [1, 1, 0.8],
        ],
      ).rows,
    ).to.deep.equal([
      [1, 0, 0],
      [0, 0, 0],
      [0, 1, 0],
    ]);
    expect(
      one(
        [[1, 0, 0]],
        [
          [2, 0, 0.9],
          [1, 1, 0.2],
        ],
      ).rows,
    ).to.deep.equal([
      [0, 1, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(
      one(
        [
          [1, 0, 0],
          [2, 50, 0],
        ],
        [
          [1, 0, 0.9],
          [1, 1, 0.8],
        ],
      ).rows,
    ).to.deep.equal([
      [1, 0, 0],
      [0, 0, 1],
      [1, 0, 0],
    ]);
  });

  it("leaves out detections on crowds of their class", () => {
    expect(one([[1, 0, 1]], [[1, 0, 0.9]])).to.deep.equal({
      rows: [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
      ignored: 1,
    });
    expect(one([[1, 0, 1]], [[2, 0, 0.9]]).rows[2]).to.deep.equal([0, 1, 0]);
  });

  it("lists the most frequent confusions", () => {
    const counts = Float64Array.of(5, 3, 0, 1, 8, 1, 9, 0, 0);
    expect(mostConfused(counts, 3, 2)).to.deep.equal([
      { truth: 2, predicted: 0, count: 9, share: 1 },
      { truth: 0, predicted: 1, count: 3, share: 3 / 8 },
    ]);
  });
});

describe("worst images", () => {
  it("are sorted by F1, then by errors, without perfect ones", () => {
    const score = (image: number, f1: number, wrong: number, missed: number) => {
      return { image, f1, wrong, missed, right: 0, score: 0.5, precision: 0, recall: 0 };
    };
    const scores = [score(0, 1, 0, 0), score(1, 0.5, 1, 1), score(2, 0, 1, 0), score(3, 0, 2, 1)];
    expect(worstImages(scores, 3).map(({ image }) => image)).to.deep.equal([3, 2, 1]);
    expect(worstImages(scores, 1)).to.have.length(1);
  });
});

import { expect } from "chai";
import type { ColourChange } from "../../../lib/datasets/transforms/colourJitter.js";
import { jitterColours } from "../../../lib/datasets/transforms/colourJitter.js";
import { type Distortion, distort } from "../../../lib/datasets/transforms/photometricDistortion.js";
import { applyOperation, OPERATIONS, type OperationName } from "../../../lib/datasets/transforms/randAugment.js";
import type { Image } from "../../../lib/pixels/image.js";
import { noiseImage, smoothImage } from "../../pixels/images.js";
import { askPython, requirePython } from "../../support/python.js";

const READ = `
import sys, json, base64
import numpy as np
def image(job):
    return np.frombuffer(base64.b64decode(job["data"]), np.uint8).reshape(job["height"], job["width"], 3)
def answer(array):
    print(json.dumps(base64.b64encode(np.ascontiguousarray(array, np.uint8).tobytes()).decode()))
`;

/** The magnitudes are from torchvision's own table, the sign is given. */
const RAND_AUGMENT = `${READ}
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.autoaugment import RandAugment, _apply_op
for line in sys.stdin:
    job = json.loads(line)
    image = torch.from_numpy(image(job).copy()).permute(2, 0, 1)
    own = RandAugment()
    try:
        magnitudes, signed = own._augmentation_space(own.num_magnitude_bins, (job["height"], job["width"]))[job["name"]]
    except KeyError:
        raise SystemExit("no operation " + job["name"])
    amount = float(magnitudes[job["magnitude"]].item()) if magnitudes.ndim > 0 else 0.0
    if signed and job["negative"]: amount = -amount
    out = _apply_op(image, job["name"], amount, interpolation=InterpolationMode.NEAREST, fill=None)
    answer(out.permute(1, 2, 0).numpy())
`;

const JITTER = `${READ}
import torch
import torchvision.transforms.v2.functional as F
CHANGES = {"brightness": F.adjust_brightness, "contrast": F.adjust_contrast, "saturation": F.adjust_saturation, "hue": F.adjust_hue}
for line in sys.stdin:
    job = json.loads(line)
    image = torch.from_numpy(image(job).copy()).permute(2, 0, 1)
    for kind, amount in job["changes"]: image = CHANGES[kind](image, amount)
    answer(image.permute(1, 2, 0).numpy())
`;

/** MMSegmentation's PhotoMetricDistortion with given draws; mmcv.bgr2hsv and its inverse are OpenCV's on 8-bit images. */
const PHOTOMETRIC = `${READ}
import cv2
def convert(img, alpha=1, beta=0):
    return np.clip(img.astype(np.float32) * alpha + beta, 0, 255).astype(np.uint8)
for line in sys.stdin:
    job = json.loads(line)
    img = cv2.cvtColor(image(job), cv2.COLOR_RGB2BGR)
    d = job["distortion"]
    if "brightness" in d: img = convert(img, beta=d["brightness"])
    if "contrast" in d and d["contrast"]["first"]: img = convert(img, alpha=d["contrast"]["factor"])
    if "saturation" in d:
        img = cv2.cvtColor(img, cv2.COLOR_BGR2HSV)
        img[:, :, 1] = convert(img[:, :, 1], alpha=d["saturation"])
        img = cv2.cvtColor(img, cv2.COLOR_HSV2BGR)
    if "hue" in d:
        img = cv2.cvtColor(img, cv2.COLOR_BGR2HSV)
        img[:, :, 0] = (img[:, :, 0].astype(int) + d["hue"] // 2) % 180
        img = cv2.cvtColor(img, cv2.COLOR_HSV2BGR)
    if "contrast" in d and not d["contrast"]["first"]: img = convert(img, alpha=d["contrast"]["factor"])
    answer(cv2.cvtColor(img, cv2.COLOR_BGR2RGB))
`;

const asJob = ({ width, height, data }: Image) => ({ width, height, data: Buffer.from(data).toString("base64") });

/** The mean absolute difference, the largest, and the share of values that differ by more than one. */
function compare(ours: Image, theirs: string): { mean: number; largest: number; off: number } {
  const expected = Buffer.from(theirs, "base64");
  expect(expected.length).to.equal(ours.data.length);
  const differences = Array.from(ours.data, (value, i) => Math.abs(value - expected[i]!));
  const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
  const off = differences.filter((d) => d > 1).length / differences.length;
  return { mean, largest: differences.reduce((a, b) => Math.max(a, b), 0), off };
}

describe("colour transforms compared with torchvision and OpenCV", () => {
  const images = [smoothImage(61, 40), noiseImage(33, 47, 4), smoothImage(48, 48)];

  it("RandAugment's operations are torchvision's", function () {
    this.timeout(120_000);
    const python = requirePython(this, ["torch", "torchvision", "numpy"]);
    const jobs = (Object.keys(OPERATIONS) as OperationName[]).flatMap((name) =>
      [0, 9, 17, 30].flatMap((magnitude) =>
        [false, true].flatMap((negative) => images.map((image) => ({ name, magnitude, negative, image }))),
      ),
    );
    const answers = askPython<object, string>(
      python,
      RAND_AUGMENT,
      jobs.map((job) => ({ ...job, ...asJob(job.image), image: undefined })),
    );
    jobs.forEach(({ name, magnitude, negative, image }, i) => {
      const ours = applyOperation(image, { name, negative }, magnitude / 30);
      const { largest, off } = compare(ours, answers[i]!);
      const what = `${name} ${negative ? "-" : ""}${magnitude} of image ${i % 3}`;
      // torchvision rounds in float32, we in float64: a level of difference, or another neighbour where pixels move.
      const moving = /Shear|Rotate/.test(name);
      if (moving) expect(off, what).to.be.below(0.02);
      else expect(largest, what).to.be.at.most(1);
      if (/Translate|Posterize|Solarize|Equalize|Identity/.test(name)) expect(largest, what).to.equal(0);
    });
  });

  it("the colour jitter is torchvision's", function () {
    this.timeout(120_000);
    const python = requirePython(this, ["torch", "torchvision", "numpy"]);
    const single: ColourChange[][] = [0, 0.4, 0.93, 1, 1.7].flatMap((factor) =>
      (["brightness", "contrast", "saturation"] as const).map((kind): ColourChange[] => [[kind, factor]]),
    );
    const hues = [-0.5, -0.21, 0, 0.1, 0.4].map((turn): ColourChange[] => [["hue", turn]]);
    const mixed: ColourChange[][] = [[["contrast", 1.3], ["hue", 0.1], ["saturation", 0.6], ["brightness", 1.2]]]; // biome-ignore format: a row
    const jobs = [...single, ...hues, ...mixed].flatMap((changes) => images.map((image) => ({ changes, image })));
    const answers = askPython<object, string>(
      python,
      JITTER,
      jobs.map(({ changes, image }) => ({ changes, ...asJob(image) })),
    );
    jobs.forEach(({ changes, image }, i) => {
      const { largest } = compare(jitterColours(image, changes), answers[i]!);
      expect(largest, JSON.stringify(changes)).to.be.at.most(changes.length === 1 ? 1 : 3);
    });
  });

  it("photometric distortion is MMSegmentation's except for its rounding to 8-bit HSV", function () {
    this.timeout(120_000);
    const python = requirePython(this, ["cv2", "numpy"]);
    const distortions: Distortion[] = [
      {},
      { brightness: 20.5 },
      { brightness: -31.2, contrast: { factor: 1.4, first: true } },
      { contrast: { factor: 0.6, first: false } },
      { saturation: 0.55 },
      { saturation: 1.45 },
      { hue: -36 },
      { hue: 34 },
      { brightness: 12, contrast: { factor: 1.2, first: false }, saturation: 1.3, hue: -20 },
    ];
    const jobs = distortions.flatMap((distortion) => images.map((image) => ({ distortion, image })));
    const answers = askPython<object, string>(
      python,
      PHOTOMETRIC,
      jobs.map(({ distortion, image }) => ({ distortion, ...asJob(image) })),
    );
    jobs.forEach(({ distortion, image }, i) => {
      const { mean, largest } = compare(distort(image, distortion), answers[i]!);
      const what = `${JSON.stringify(distortion)} of image ${i % 3}: mean ${mean}, largest ${largest}`;
      const inHsv = distortion.saturation !== undefined || distortion.hue !== undefined;
      // A hue of 2° is up to 255 ÷ 30 = 8.5 levels of the middle channel; its rounding half of that.
      expect(mean, what).to.be.at.most(inHsv ? 2 : 0);
      expect(largest, what).to.be.at.most(inHsv ? 16 : 0);
    });
  });
});

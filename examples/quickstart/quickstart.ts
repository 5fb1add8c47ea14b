import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { claimProcess, evaluate, loadConfig, predictFiles, train } from "densekit";
import { decodeImage, drawPlot, drawSheet, encodeJpeg, encodePng } from "densekit/images";

// Teaches a small Mask R-CNN to find dates, figs and hazelnuts from 13 photographs, measures it on 5 it has not seen, and
// draws what it finds there. Arguments change the config: npm run quickstart -- training.steps=50 output=runs/short
claimProcess(); // nothing else runs here: images are decoded faster
const file = "examples/quickstart/quickstart.yaml";
const overrides = process.argv.slice(2);
const { config } = loadConfig(file, { overrides });
const { steps } = config.training;
const start = performance.now();
if (config.output === resolve("runs/quickstart")) await rm(config.output, { recursive: true, force: true }); // the last run

console.log("Training takes two to five minutes on two cores.");
const curve: [step: number, loss: number][] = [];
const { weights } = await train({
  config,
  onEvent(event) {
    if (event.type !== "step") return;
    curve.push([event.step, event.loss]);
    if (event.step % 50 === 0) console.log(`step ${event.step} of ${steps}: loss ${event.loss.toFixed(2)}`);
  },
});

if (config.data.type !== "coco") throw new Error("the quick start has a COCO file");
const { metrics } = await evaluate({ config, weights });

const surer = loadConfig(file, { overrides: [...overrides, "model.head.test.scoreThreshold=0.5"] });
const { images } = await predictFiles({
  config: surer.config,
  weights,
  inputs: [config.data.val.images],
  outDir: join(config.output, "predictions"),
  force: true, // over those of the last run
});

const overlays = await Promise.all(images.map(({ overlay }) => decodeImage(overlay)));
const sheet = drawSheet([{ images: overlays.slice(0, 3) }, { images: overlays.slice(3) }]);
await writeFile(join(config.output, "predictions.jpg"), await encodeJpeg(sheet));
const labels = { xLabel: "step", yLabel: "loss", title: "Training loss" };
const plot = await drawPlot([{ name: "loss", points: curve }], { ...labels, smoothing: 10 });
await writeFile(join(config.output, "loss.png"), await encodePng(plot));

console.log(`
Done in ${Math.round((performance.now() - start) / 1000)} s. On 5 photographs that were not trained on, the average precision at IoU 0.5
(1 would be perfect) is ${metrics.boxAP50?.toFixed(2)} for boxes and ${metrics.maskAP50?.toFixed(2)} for masks.

what was found   ${join(config.output, "predictions.jpg")}
each image       ${join(config.output, "predictions", "overlays")}
loss curve       ${join(config.output, "loss.png")}
all metrics      ${join(config.output, "evaluation", "summary.txt")}
weights          ${weights}`);

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exportModel, loadConfig, loadModel, type TrainingHooks, train } from "densekit";
import { encodeJpeg } from "densekit/images";
import "./grain.js"; // a transform of our own

// Trains on the photographs of the quick start with a transform and a hook of its own, predicts, and exports.
// Arguments change the config: node dist/examples/program/program.js training.steps=20 output=runs/short
const overrides = [
  "data.transforms.train=[{type: resize, scale: [256, 192]}, {type: randomFlip}, {type: grain}]",
  ...["training.evaluateEvery=50", "output=runs/program", ...process.argv.slice(2)],
];
const { config } = loadConfig("examples/quickstart/quickstart.yaml", { overrides });

const hooks: TrainingHooks = {
  onEvaluate({ step, metrics: { boxAP = 0 } }, control) {
    console.log(`step ${step} of ${control.steps}: box AP ${boxAP.toFixed(3)}`);
    const { best = 0 } = control.memory;
    control.memory.best = Math.max(best, boxAP);
    if (boxAP < best) control.lrFactor *= 0.3; // it was better before
    if (boxAP > 0.6) control.stop("good enough");
  },
};
const { weights } = await train({ config, hooks });

const model = await loadModel(config.output);
if (model.task !== "detection") throw new Error("a config of another task");
const found = await model.predict("examples/quickstart/images/val/12.jpg", { score: 0.1 });
for (const { label, score, mask } of found) {
  console.log(label, score.toFixed(2), `${mask?.polygons().length ?? 0} outlines`);
}
await writeFile(join(config.output, "found.jpg"), await encodeJpeg(await found.draw()));
await writeFile(join(config.output, "found.json"), JSON.stringify(found.toCoco({ imageId: 12 })));
await model.dispose();

const { files } = await exportModel({ config, weights, format: "onnx", out: join(config.output, "model.onnx") });
console.log(`exported ${files.join(", ")}`);

// From an empty folder to a file that other programs run, by commands alone: node commands.mjs [OPTIONS OF TRAIN]
// Your images and labels are in the folder yolo, as Ultralytics has them; without it, a set is made of the quick start's photographs.
import { execSync } from "node:child_process";
import { existsSync } from "node:fs";

const images = "node_modules/densekit/examples/quickstart/images";
const [, , ...options] = process.argv;

/** Does what the line does when it is typed, and ends where it fails. */
function run(line) {
  console.log(`\n$ ${line}`);
  execSync(line, { stdio: "inherit" });
}

run("npm init --yes");
run(`npm install "${process.env.DENSEKIT_PACKAGE ?? "densekit"}" --ignore-scripts`);
if (!existsSync("yolo")) {
  for (const part of ["train", "val"]) {
    const data = `${images}/${part}.json --from coco --images ${images}/${part}`;
    run(`npx densekit data convert ${data} --to yolo-polygons --split ${part} --out yolo`);
  }
}
run("npx densekit init yolo --out mine.yaml");
run(["npx densekit train mine.yaml", ...options].join(" "));
run(`npx densekit predict runs/mine ${images}/val --out found`);
run("npx densekit export runs/mine --dynamic --out mine.onnx");
run(`npx densekit verify mine.onnx --against runs/mine --images ${images}/val/12.jpg`);

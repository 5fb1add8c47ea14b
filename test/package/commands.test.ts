import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "./documents.js";
import { folderBelowRoot, linkDependencies, packInto } from "./installation.js";

describe("the example of commands", function () {
  this.timeout(300_000);
  let folder: string;
  before(() => {
    folder = folderBelowRoot("commands");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("goes from an empty folder and the packed package to a verified ONNX file", () => {
    const packed = packInto(folder);
    const project = join(folder, "project");
    linkDependencies(project);
    cpSync(join(ROOT, "examples/commands/commands.mjs"), join(project, "commands.mjs"));
    const changes = ["training.steps=2", "training.schedule.warmup.steps=1", "data.val.limit=1"];
    const options = changes.flatMap((change) => ["--set", change]);
    const { status, stdout, stderr } = spawnSync(process.execPath, ["commands.mjs", ...options], {
      cwd: project,
      encoding: "utf8",
      env: {
        ...process.env,
        DENSEKIT_PACKAGE: packed,
        npm_config_offline: "true",
        npm_config_cache: join(folder, "cache"),
      },
    });
    expect(status, `${stdout}\n${stderr}`).to.equal(0);

    expect(existsSync(join(project, "node_modules/densekit/package.json"))).to.equal(true);
    expect(existsSync(join(project, "node_modules/typescript")), "of the checkout's own tools").to.equal(false);
    expect(readdirSync(join(project, "yolo"))).to.include.members(["data.yaml", "images", "labels"]);
    expect(readFileSync(join(project, "mine.yaml"), "utf8")).to.contain("type: yolo");
    expect(readdirSync(join(project, "found/overlays")).length).to.equal(5);
    expect(statSync(join(project, "mine.onnx")).size).to.be.above(1e6);
    expect(stdout).to.match(/1 image, tolerance 0\.001: passed\n$/);
  });
});

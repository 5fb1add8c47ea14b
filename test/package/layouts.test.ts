import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/package
const CONFIG = `extends: [densekit/mask-rcnn_fpn128, densekit/efficientformer-nano, densekit/schedules/300-step.yaml]
data:
  type: coco
  train: { annotations: a.json, images: a }
  val: { annotations: b.json, images: b }
training: { steps: 300 }
`;

/** Where package managers put a package, relative to the project's folder, and the link to it if it is elsewhere. */
const LAYOUTS: Readonly<Record<string, { readonly files: string; readonly link?: string }>> = {
  npm: { files: "node_modules/densekit" },
  pnpm: { files: "node_modules/.pnpm/densekit@0.1.0/node_modules/densekit", link: "node_modules/densekit" },
  workspaces: { files: "packages/densekit", link: "node_modules/densekit" },
};

describe("the package in the layouts of package managers", function () {
  this.timeout(120_000);
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "densekit-layouts-")));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  for (const [name, { files, link }] of Object.entries(LAYOUTS)) {
    it(`finds its own configs if a config extends densekit/NAME (${name})`, () => {
      const place = join(folder, files);
      for (const part of ["package.json", "configs", "dist/lib", "examples"]) {
        cpSync(join(ROOT, part), join(place, part), { recursive: true });
      }
      const modules = name === "pnpm" ? dirname(place) : join(folder, "node_modules");
      mkdirSync(modules, { recursive: true });
      for (const entry of readdirSync(join(ROOT, "node_modules"))) {
        if (entry !== "densekit") symlinkSync(join(ROOT, "node_modules", entry), join(modules, entry));
      }
      if (link !== undefined) symlinkSync(place, join(folder, link));
      const project = join(folder, "app");
      mkdirSync(project);
      writeFileSync(join(project, "mine.yaml"), CONFIG);
      const main = join(folder, "node_modules/densekit/dist/lib/cli/main.js");
      const modelOf = (config: string) => {
        const { status, stdout, stderr } = spawnSync(process.execPath, [main, "config", config, "--json"], {
          cwd: project,
          encoding: "utf8",
        });
        expect(status, stderr).to.equal(0);
        return JSON.parse(stdout).model;
      };
      const model = modelOf("mine.yaml");
      expect(model.backbone).to.include({ type: "efficientformer", variant: "nano" });
      expect(model.neck.channels).to.equal(128);
      // The example that comes with the package works where it lies, and as a copy.
      cpSync(join(ROOT, "examples/quickstart/quickstart.yaml"), join(project, "copy.yaml"));
      const example = "../node_modules/densekit/examples/quickstart/quickstart.yaml";
      for (const config of [example, "copy.yaml"]) expect(modelOf(config).neck.channels).to.equal(64);
    });
  }
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { type BackboneConfig, makeBackbone, publishedWeights } from "../../lib/backbones/index.js";
import { resolveConfig } from "../../lib/config/load.js";
import type { ConfigInput } from "../../lib/config/schema.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";
import { checkpointNames } from "../../lib/runs/folder.js";
import { readSafetensors, writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { loadModel } from "../../lib/use/loadModel.js";
import { resolveModel } from "../../lib/use/resolveModel.js";
import { modelTensors } from "../../lib/weights/modelTensors.js";
import { publishedOfAll, publishedTable } from "../../tools/publishedTable.js";
import { accepted, refused, set } from "../cli/refused.js";
import { messagesOf, trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { type HubServer, startHub } from "./server.js";

describe("weights by name", function () {
  this.timeout(120_000);
  let hub: HubServer;
  let data: ShapesData;
  let folder: string;
  let input: ConfigInput;
  const saved: Record<string, string | undefined> = {};
  const NAMES = ["HF_ENDPOINT", "HF_HOME", "HF_HUB_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE"];
  before(async () => {
    hub = await startHub();
    folder = mkdtempSync(join(tmpdir(), "densekit-names-"));
    data = await makeShapes(3);
    for (const name of NAMES) {
      saved[name] = process.env[name];
      delete process.env[name];
    }
    Object.assign(process.env, { HF_ENDPOINT: hub.url, HF_HOME: folder });
    const made = shapesConfig("classification", data, join(folder, "run"));
    input = { ...made, model: { ...made.model, backbone: { type: "resnet", variant: 18 } } } as ConfigInput;
    hub.repositories.set("timm/resnet18.tv_in1k", new Map([["model.safetensors", await resnet18()]]));
  });
  after(async () => {
    for (const name of NAMES) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
    await hub.close();
    rmSync(folder, { recursive: true });
    rmSync(data.folder, { recursive: true });
  });

  /** A file like timm's: names without a prefix. */
  async function resnet18() {
    const list = new ParameterList();
    makeBackbone(list.scope(), { type: "resnet", variant: 18 } as BackboneConfig, { imageSide: 224 });
    const values = new ParameterValues(list.all);
    values.initialise((name) => Random.of("published", name));
    const path = join(folder, "published.safetensors");
    await writeSafetensors(path, modelTensors(values), { format: "pt" });
    return { bytes: readFileSync(path), large: true };
  }

  it("initialise a backbone, also from the published repository, whose licence is reported", async () => {
    const first = `backbone weights: hf://timm/resnet18.tv_in1k, trained on ImageNet-1k, licence: BSD-3-Clause`;
    const output = join(folder, "started");
    const more = ["training.steps=1", "training.optimizer.lr=1e-12", "model.backbone.weights=imagenet"];
    const { config, events } = await trainQuietly({ ...input, output }, more);
    expect(config.model.backbone.weights).to.equal("imagenet"); // not resolved as a path
    expect(messagesOf(events))
      .to.contain(first)
      .and.match(/backbone: loaded \d+ of \d+ tensors from .*models--timm--resnet18\.tv_in1k/);
    const [name] = await checkpointNames(output);
    const own = await readSafetensors(join(output, "checkpoints", name!, "model.safetensors"));
    const published = await readSafetensors(join(folder, "published.safetensors"));
    const key = "layer1.0.conv1.weight";
    const [theirs, ours] = [published.tensors.get(key)!, own.tensors.get(`backbone.${key}`)!].map(({ data }) => data);
    for (let i = 0; i < 100; i++) expect(ours![i]).to.be.closeTo(theirs![i] as number, 1e-6);
    for (const weights of ["hf://timm/resnet18.tv_in1k", "https://example.org/w.pth#ema"]) {
      const named = resolveConfig(input, { overrides: [`model.backbone.weights=${weights}`] }).config;
      expect(named.model.backbone.weights).to.equal(weights);
    }
    const path = resolveConfig(input, { overrides: ["model.backbone.weights=./imagenet"] }).config;
    expect(path.model.backbone.weights).to.equal(resolve("imagenet"));
  });

  it("are reported as missing if none are published", async () => {
    const made = shapesConfig("classification", data, join(folder, "none"));
    const config = join(folder, "nano.yaml");
    writeFileSync(config, JSON.stringify(made));
    expect(await refused(["train", config, ...set("model.backbone.weights=imagenet")])).to.equal(
      "model.backbone.weights: no weights are published for EfficientFormer nano, so imagenet stands for none; give a file or an " +
        "address, or set it to null to start from random weights",
    );
  });

  it("are accepted as a model, as --weights, and by the weights commands", async () => {
    const run = join(folder, "model");
    await trainQuietly({ ...input, output: run }, ["training.steps=1"]);
    const packed = join(folder, "packed.safetensors");
    await accepted(["pack", run, packed]);
    hub.repositories.set("me/shapes", new Map([["model.safetensors", { bytes: readFileSync(packed), large: true }]]));
    const image = join(data.classFolders, "disc");
    const model = await loadModel("hf://me/shapes");
    expect(model.classes).to.deep.equal(["disc", "square"]);
    await model.dispose();
    const { stdout, stderr } = await accepted([
      ...["predict", "hf://me/shapes", image, "--out", join(folder, "found"), "--json"],
    ]);
    expect(JSON.parse(stdout).images).to.not.be.empty;
    expect(stderr).to.not.contain("downloading"); // it is cached
    const config = join(folder, "mine.yaml");
    writeFileSync(config, JSON.stringify(input));
    const by = (await resolveModel(config, { weights: "hf://me/shapes" })).weights;
    expect(readFileSync(by).equals(readFileSync(packed))).to.equal(true);
    rmSync(join(folder, "hub"), { recursive: true });
    const shown = await accepted(["weights", "show", "hf://me/shapes", "--against", config]);
    expect(shown.stderr).to.match(/^\d+\/\d+ MB {2}downloading hf:\/\/me\/shapes\/model\.safetensors/m);
    expect(shown.stdout).to.match(/the whole model \(evaluate, predict\): (\d+) of \1 tensors fit/);
    await accepted(["weights", "convert", "hf://me/shapes", join(folder, "w.pth")]);
    expect(await refused(["weights", "show", "hf://me/nothing"])).to.contain("there is no repository me/nothing at");
  });

  it("have one repository per variant, with a licence, for every backbone", () => {
    const found = publishedOfAll().map(({ published }) => published);
    expect(new Set(found.map(({ repository }) => repository)).size).to.equal(found.length);
    expect(found).to.have.length(25);
    for (const { repository, licence } of found) {
      expect(repository).to.match(/^timm\/[\w.]+_in1k$/);
      expect(licence).to.be.oneOf(["Apache-2.0", "BSD-3-Clause", "Apple's licence of CVNets"]);
    }
    const plain = { type: "deit", variant: "tiny", distilled: false } as BackboneConfig;
    expect(publishedWeights(plain)?.repository).to.equal("timm/deit_tiny_patch16_224.fb_in1k");
    const document = readFileSync(new URL("../../../docs/weights.md", import.meta.url), "utf8"); // from dist/test/hub
    expect(document, "if not: npm run generate").to.contain(publishedTable());
  });
});

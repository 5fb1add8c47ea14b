import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { loadConfig, resolveConfig } from "../../lib/config/load.js";
import { loadPlugin } from "../../lib/plugins/load.js";
import { loadNamedConfig } from "../../lib/use/namedConfig.js";
import { type Files, writeFiles } from "../config/support.js";
import { command } from "../support/commandLine.js";
import { userMessage } from "../support/failure.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

/** Registers the transform `negative`, as a plugin that imports nothing. */
const NEGATIVE = `export default ({ registerTransform, transform, z }) => {
  registerTransform(transform({
    schema: z.strictObject({ type: z.literal("negative"), probability: z.number().min(0).max(1).default(0.5) }),
    apply(sample, { probability }, random) {
      if (random.next() >= probability) return sample;
      return { ...sample, image: { ...sample.image, data: sample.image.data.map((value) => 255 - value) } };
    },
  }));
};
`;

const ALLOWED =
  "plugins are code that would run on this machine: look at them, and allow them with --allow-plugins (in the API " +
  "allowPlugins: true), or name your own with --set plugins=[FILE]";

describe("plugins", function () {
  this.timeout(120_000);
  let files: Files;
  let data: ShapesData;
  let config: object;
  before(async () => {
    data = await makeShapes(2);
    const shapes = shapesConfig("segmentation", data, join(data.folder, "run")) as { data: object; training: object };
    const transforms = { train: [{ type: "negative", probability: 0.4 }] };
    config = {
      ...shapes,
      plugins: ["plugins/negative.mjs"],
      data: { ...shapes.data, transforms, workers: 2 },
      training: { ...shapes.training, steps: 2 },
    };
    files = writeFiles({
      "mine.yaml": JSON.stringify(config),
      "plugins/negative.mjs": NEGATIVE,
      "wrong.yaml": JSON.stringify({
        ...config,
        data: { ...shapes.data, transforms: { train: [{ type: "positive" }] } },
      }),
    });
  });
  after(() => {
    files.remove();
    rmSync(data.folder, { recursive: true });
  });

  it("named in a config are told of, and their parts are known, checked and completed like ours", async () => {
    const shown = await command("config", files.path("mine.yaml"), "--set", "data.transforms.train=[{type: negative}]");
    expect(shown.code, shown.stderr).to.equal(0);
    expect(shown.stderr).to.match(/^loads the plugin \S*plugins\/negative\.mjs\n$/);
    expect(shown.stdout).to.contain("- type: negative\n        probability: 0.5");
    const wrong = await command("config", files.path("wrong.yaml"));
    expect(wrong.stderr).to.match(/data\.transforms\.train\.0\.type: must be one of resize, .*, negative; got/);
    const key = await command(
      ...["config", files.path("mine.yaml"), "--set", "data.transforms.train=[{type: negative, probabilty: 1}]"],
    );
    expect(key.stderr).to.contain('did you mean "probability"?');
  });

  it("transform in the loader's threads, and go with a run, but not with a model that is passed on", async () => {
    const trained = await command("train", files.path("mine.yaml"));
    expect(trained.code, trained.stderr).to.equal(0);
    const packed = join(data.folder, "model.densekit");
    const pack = await command("pack", join(data.folder, "run"), packed);
    expect(pack.stderr).to.contain("loads the plugin");
    const refused = `plugins: the config comes with a model or from an address, and names plugins (./negative.mjs); ${ALLOWED}`;
    expect(await userMessage(() => loadNamedConfig(packed))).to.contain(refused);
    const absent = await command("config", packed, "--allow-plugins");
    expect(absent.stderr).to.match(/plugins: \S*negative\.mjs: no such plugin\n$/);
    copyFileSync(files.path("plugins/negative.mjs"), join(data.folder, "negative.mjs"));
    const allowed = await command("config", packed, "--allow-plugins");
    expect(allowed.code, allowed.stderr).to.equal(0);
    expect(allowed.stdout).to.contain("type: negative");
    const own = await command("config", packed, "--set", `plugins=[${files.path("plugins/negative.mjs")}]`);
    expect(own.code, own.stderr).to.equal(0);
  });

  it("are not loaded for a config from an address either", async () => {
    const server = createServer((_, response) => response.end(JSON.stringify(config)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { HF_HOME } = process.env;
    process.env.HF_HOME = join(data.folder, "hub");
    try {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mine.yaml`;
      expect(await userMessage(() => loadNamedConfig(address))).to.contain(ALLOWED);
    } finally {
      if (HF_HOME === undefined) delete process.env.HF_HOME;
      else process.env.HF_HOME = HF_HOME;
      server.close();
    }
    expect(await userMessage(() => loadConfig(files.path("mine.yaml"), { foreign: true }))).to.contain(ALLOWED);
  });

  const load = (name: string, text: string) => {
    mkdirSync(files.path("plugins"), { recursive: true });
    writeFileSync(files.path(`plugins/${name}`), text);
    return userMessage(() => loadPlugin(files.path(`plugins/${name}`), name));
  };

  it("that fail say so, with the place, and leave nothing behind", async () => {
    expect(await load("throws.mjs", "\nthrow new Error('mine');")).to.equal(
      "throws.mjs: the plugin cannot be loaded: mine (line 2)",
    );
    expect(await load("none.mjs", "export const answer = 42;")).to.equal(
      "none.mjs: not a plugin: it exports no function, as default or as register, which would be given what registers parts",
    );
    expect(await load("async.mjs", "export const register = async () => {};")).to.contain(
      "its function is asynchronous",
    );
    expect(await load("awaits.mjs", "await 1; export default () => {};")).to.contain(
      "it uses await outside of functions, which a plugin cannot",
    );
    const twice = NEGATIVE.replace(
      /};\n$/,
      "  registerTransform(transform({ schema: z.strictObject({ type: z.literal('resize') }), apply: (x) => x }));\n};\n",
    );
    for (const name of ["twice.mjs", "again.mjs"]) {
      expect(await load(name, twice)).to.equal(
        `${name}: the plugin cannot register its parts: there is a transform of the type "resize" already; choose another name`,
      );
    }
    expect(await userMessage(() => resolveConfig({ ...config, plugins: ["none-such.mjs"] }))).to.match(
      /^config: plugins: \S*none-such\.mjs: no such plugin$/,
    );
  });

  it("may be TypeScript where Node runs it, and may be CommonJS", async () => {
    const text = "export const register = (host: object): void => void host;\n";
    writeFileSync(files.path("plugins/typed.mts"), text);
    const runs = (process.features as { readonly typescript?: unknown }).typescript;
    if (runs) loadPlugin(files.path("plugins/typed.mts"))();
    else {
      expect(await load("typed.mts", text)).to.equal(
        `typed.mts: this Node (${process.version}) runs no TypeScript; give the plugin as JavaScript, or use Node 22.18 or later`,
      );
    }
    writeFileSync(
      files.path("plugins/common.cjs"),
      "exports.register = ({ z }) => { if (!z) throw new Error('no z'); };",
    );
    loadPlugin(files.path("plugins/common.cjs"))();
  });
});

import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { command } from "../support/commandLine.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/plugins

describe("the example of a plugin", function () {
  this.timeout(180_000);
  const output = join(tmpdir(), `densekit-plugin-${process.pid}`);
  after(() => rmSync(output, { recursive: true, force: true }));

  it("trains its backbone with its loss and its transform, from the command line", async () => {
    const compiled = join(ROOT, "dist/examples/plugin/plugin.js"); // not every Node runs TypeScript
    const changes = [`plugins=[${compiled}]`, "training.steps=2", "data.val.limit=1", `output=${output}`];
    const { code, stderr } = await command(
      ...["train", join(ROOT, "examples/plugin/plugin.yaml"), ...changes.flatMap((change) => ["--set", change])],
    );
    expect(code, stderr).to.equal(0);
    expect(stderr).to.match(/loads the plugin \S*plugin\.js\n/);
    const config = readFileSync(join(output, "config.yaml"), "utf8");
    expect(config).to.contain("type: plain").and.contain("type: poly").and.contain("type: grain");
    const log = readFileSync(join(output, "log.jsonl"), "utf8");
    expect(log.match(/"type":"step"/g)).to.have.length(2);
  });
});

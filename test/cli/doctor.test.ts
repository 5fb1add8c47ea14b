import { expect } from "chai";
import { examine, memoryFinding, nodeFinding, providerFinding } from "../../lib/cli/doctor.js";
import { run } from "./support.js";

describe("doctor", () => {
  it("finds what the tests themselves need", async () => {
    const findings = new Map((await examine()).map((finding) => [finding.name, finding]));
    expect(findings.get("node")).to.deep.include({ status: "ok", detail: process.versions.node });
    expect(findings.get("platform")?.detail).to.equal(`${process.platform} ${process.arch}`);
    expect(findings.get("provider cpu")?.status).to.equal("ok");
    expect(findings.get("onnxruntime-node")?.detail).to.match(/^1\.\d+\.\d+$/);
    expect(findings.get("densekit")?.detail).to.match(/^\d+\.\d+\.\d+$/);
    expect(findings.get("codec javascript")).to.deep.include({ status: "ok" });
    expect([...findings.keys()]).to.include.members(["provider cuda", "provider webgpu", "codec sharp"]);
  });

  it("prints a table, or one JSON object", async () => {
    const text = await run(["doctor"]);
    expect(text).to.include({ code: 0, stderr: "" });
    expect(text.stdout).to.match(/^ok +provider cpu +ready; the default$/m);
    const json = JSON.parse((await run(["doctor", "--json"])).stdout);
    expect(json.ok).to.equal(true);
    expect(json.findings).to.deep.equal(await examine());
  });

  it("knows which Node is too old, and what to do", () => {
    for (const version of ["20.19.0", "22.0.0", "24.1.2"]) expect(nodeFinding(version).status).to.equal("ok");
    for (const version of ["20.18.3", "18.20.0"]) {
      expect(nodeFinding(version)).to.deep.include({ status: "problem" });
      expect(nodeFinding(version).detail).to.match(/too old: install Node 20\.19 or later/);
    }
  });

  it("says what to do on a small machine", () => {
    expect(memoryFinding(1, 2 ** 31)).to.deep.include({ status: "optional" });
    expect(memoryFinding(1, 2 ** 31).detail).to.match(/^1 core, 2\.0 GiB of memory; little for training: use the nano/);
    expect(memoryFinding(8, 2 ** 34)).to.deep.equal({
      name: "machine",
      status: "ok",
      detail: "8 cores, 16.0 GiB of memory",
    });
  });

  it("says what each provider needs", () => {
    expect(providerFinding("cpu", [], false)).to.deep.include({ status: "problem" });
    expect(providerFinding("coreml", ["cpu"], false)).to.deep.include({ status: "optional", detail: "for macOS only" });
    expect(providerFinding("cuda", ["cpu", "cuda"], false).detail).to.match(/script\/install\.js/);
    expect(providerFinding("cuda", ["cpu", "cuda"], true)).to.deep.include({ status: "ok" });
    expect(providerFinding("webgpu", ["cpu", "webgpu"], false).detail).to.contain("--set engine.providers=[webgpu]");
  });
});

import { expect } from "chai";
import { examine, memoryFinding, nodeFinding } from "../../lib/cli/doctor.js";
import { availableProviders } from "../../lib/engines/onnxruntime/engine.js";
import { providerFinding } from "../../lib/engines/onnxruntime/examine.js";
import { tryProvider } from "../../lib/engines/onnxruntime/tryProvider.js";
import { run } from "./support.js";

describe("doctor", () => {
  it("finds what the tests need", async () => {
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

  it("reports a Node that is too old, and what to do", () => {
    for (const version of ["20.19.0", "22.0.0", "24.1.2"]) expect(nodeFinding(version).status).to.equal("ok");
    for (const version of ["20.18.3", "18.20.0"]) {
      expect(nodeFinding(version)).to.deep.include({ status: "problem" });
      expect(nodeFinding(version).detail).to.match(/too old: install Node 20\.19 or later/);
    }
  });

  it("gives advice for a small machine", () => {
    expect(memoryFinding(1, 2 ** 31)).to.deep.include({ status: "optional" });
    expect(memoryFinding(1, 2 ** 31).detail).to.match(/^1 core, 2\.0 GiB of memory; little for training: use the nano/);
    expect(memoryFinding(8, 2 ** 34)).to.deep.equal({
      name: "machine",
      status: "ok",
      detail: "8 cores, 16.0 GiB of memory",
    });
  });

  it("reports what each provider needs, and where it was tested", () => {
    const here = (name: Parameters<typeof providerFinding>[0], problem?: string) =>
      providerFinding(name, { offered: ["cpu", name], cudaLibraries: true, problem });
    const none = { offered: [], cudaLibraries: false };
    expect(providerFinding("cpu", none)).to.deep.include({ status: "problem" });
    expect(providerFinding("coreml", none)).to.deep.include({
      status: "optional",
      detail: "for macOS only; untested with densekit",
    });
    expect(providerFinding("cuda", { offered: ["cuda"], cudaLibraries: false }).detail).to.match(/script\/install\.js/);
    for (const name of ["cuda", "coreml", "dml"] as const) {
      expect(here(name).detail).to.equal(`starts: --set engine.providers=[${name}]; untested with densekit`);
    }
    expect(here("webgpu")).to.deep.equal({
      name: "provider webgpu",
      status: "ok",
      detail:
        "starts: --set engine.providers=[webgpu]; tested only on a software adapter (SwiftShader), never on a GPU",
    });
    expect(here("webgpu", "No supported adapters")).to.deep.equal({
      name: "provider webgpu",
      status: "optional",
      detail: "does not start (No supported adapters): it needs a GPU with a Vulkan, Metal or Direct3D 12 driver",
    });
  });

  it("starts a provider to see whether it works", async () => {
    const failure = await tryProvider("webgpu", {
      VK_ICD_FILENAMES: "/nowhere.json",
      VK_DRIVER_FILES: "/nowhere.json",
    });
    const isThere = process.platform === "linux" && availableProviders().includes("webgpu");
    if (isThere) expect(failure).to.equal("Failed to get a WebGPU adapter: No supported adapters");
    expect(await tryProvider("cpu")).to.equal(undefined);
  });
});

import { execFile } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { parseHubAddress } from "../../lib/hub/address.js";
import { localFile } from "../../lib/hub/index.js";
import { proxyFor } from "../../lib/hub/proxy.js";
import type { ProgressEvent } from "../../lib/progress.js";
import { Random } from "../../lib/random.js";
import { userMessage } from "../support/failure.js";
import { requirePython } from "../support/python.js";
import { gitName, type HubServer, listen, sha256, startHub } from "./server.js";

const COMMIT = "a".repeat(40);
const bytesOf = (name: string, length: number): Uint8Array => {
  const random = Random.of("hub", name);
  return Uint8Array.from({ length }, () => random.integer(256));
};
const WEIGHTS = bytesOf("weights", 300_000);
const CONFIG = bytesOf("config", 500);

describe("files by address", function () {
  this.timeout(30_000);
  let hub: HubServer;
  let folder: string;
  let environment: Record<string, string>;
  beforeEach(async () => {
    hub = await startHub();
    folder = mkdtempSync(join(tmpdir(), "densekit-hub-"));
    environment = { HF_ENDPOINT: hub.url, HF_HOME: join(folder, "home"), XDG_CACHE_HOME: join(folder, "cache") };
    hub.repositories.set(
      "me/model",
      new Map([
        ["model.safetensors", { bytes: WEIGHTS, large: true }],
        ["sub/config.json", { bytes: CONFIG }],
      ]),
    );
  });
  afterEach(async () => {
    await hub.close();
    rmSync(folder, { recursive: true });
  });

  const get = (named: string, more: Record<string, string> = {}, onEvent?: (event: ProgressEvent) => void) =>
    localFile(named, { environment: { ...environment, ...more }, onEvent });
  const told = async (named: string, more: Record<string, string> = {}) =>
    (await userMessage(() => get(named, more))).replaceAll(hub.url, "HUB").replace(/127\.0\.0\.1:\d+/g, "HOST");
  const cache = (...path: string[]) => join(folder, "home", "hub", ...path);
  const repository = (...path: string[]) => cache("models--me--model", ...path);
  const leftovers = () =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      /incomplete|\.lock$|guard|\.tmp$/.test(name),
    );
  const isWhole = (path: string) => expect(readFileSync(path).equals(WEIGHTS)).to.equal(true);
  const asked = () => hub.requests.filter((line) => line.startsWith(`GET /${sha256(WEIGHTS)}`));

  it("are cached in the layout of Python's huggingface_hub, and are fetched once", async () => {
    const path = await get("hf://me/model");
    expect(path).to.equal(repository("snapshots", COMMIT, "model.safetensors"));
    isWhole(path);
    expect(lstatSync(path).isSymbolicLink()).to.equal(true);
    expect(readlinkSync(path)).to.equal(join("..", "..", "blobs", sha256(WEIGHTS)));
    expect(readFileSync(repository("refs", "main"), "utf8")).to.equal(COMMIT);
    const small = await get("hf://me/model/sub/config.json");
    expect(readFileSync(small).equals(CONFIG)).to.equal(true);
    expect(readlinkSync(small)).to.equal(join("..", "..", "..", "blobs", gitName(CONFIG)));
    hub.requests.length = 0;
    expect(await get("hf://me/model")).to.equal(path);
    expect(hub.requests).to.deep.equal(["HEAD /me/model/resolve/main/model.safetensors"]); // has it changed?
    hub.requests.length = 0;
    expect(await get(`hf://me/model/model.safetensors@${COMMIT}`)).to.equal(path);
    expect(hub.requests).to.deep.equal([]); // a commit never changes
    expect(leftovers()).to.deep.equal([]);
  });

  it("are found by Python's huggingface_hub, and its files are found here", async function () {
    this.timeout(120_000);
    const python = requirePython(this, ["huggingface_hub"]);
    const path = await get("hf://me/model");
    const download = async (file: string, more: Record<string, string>): Promise<string> => {
      const script = `from huggingface_hub import hf_hub_download; print(hf_hub_download("me/model", "${file}"))`;
      const env = { ...process.env, ...environment, HF_HUB_DISABLE_TELEMETRY: "1", HF_HUB_DISABLE_XET: "1", ...more };
      const { stdout } = await promisify(execFile)(python, ["-c", script], { env });
      return stdout.trim();
    };
    expect(await download("model.safetensors", { HF_HUB_OFFLINE: "1" })).to.equal(path);
    const theirs = await download("sub/config.json", {});
    hub.requests.length = 0;
    expect(await get("hf://me/model/sub/config.json")).to.equal(theirs);
    expect(hub.requests).to.deep.equal(["HEAD /me/model/resolve/main/sub/config.json"]);
  });

  it("are cached by revision, and found after a repository is renamed", async () => {
    hub.commits.set("refs/pr/1", "b".repeat(40));
    const other = await get("hf://me/model/model.safetensors@refs/pr/1");
    expect(other).to.equal(repository("snapshots", "b".repeat(40), "model.safetensors"));
    expect(readFileSync(repository("refs", "refs", "pr", "1"), "utf8")).to.equal("b".repeat(40));
    hub.moved.set("me/old", "me/model");
    isWhole(await get("hf://me/old"));
    expect(await get("hf://me/model#ema")).to.match(/model\.safetensors#ema$/);
    expect(await get("plain/path.pth")).to.equal("plain/path.pth");
  });

  it("are the weights of a repository if none is named: one file, shards, or PyTorch's", async () => {
    const map = { a: "m-1.safetensors", b: "m-2.safetensors", c: "../x" };
    const index = Buffer.from(JSON.stringify({ weight_map: map }));
    hub.repositories.set(
      "me/shards",
      new Map([
        ["model.safetensors.index.json", { bytes: index }],
        ["m-1.safetensors", { bytes: bytesOf("1", 1000), large: true }],
        ["m-2.safetensors", { bytes: bytesOf("2", 1000), large: true }],
      ]),
    );
    const path = await get("hf://me/shards");
    const names = ["m-1.safetensors", "m-2.safetensors", "model.safetensors.index.json"];
    expect(readdirSync(join(path, "..")).sort()).to.deep.equal(names);
    hub.repositories.set("me/torch", new Map([["pytorch_model.bin", { bytes: WEIGHTS, large: true }]]));
    expect(await get("hf://me/torch")).to.match(/pytorch_model\.bin$/);
    hub.repositories.set("me/none", new Map([["w.npz", { bytes: WEIGHTS }]]));
    expect(await told("hf://me/none")).to.equal(
      "hf://me/none: the repository has no model.safetensors, model.safetensors.index.json, pytorch_model.bin; name one of its files: " +
        "hf://me/none/FILE (HUB/me/none/tree/main lists them)",
    );
    expect(await told("hf://me/none/x.pth")).to.equal(
      "hf://me/none/x.pth: the repository has no such file; HUB/me/none/tree/main lists them",
    );
  });

  it("are continued after the connection is cut, in this process and the next", async () => {
    hub.cuts.push(100_000, 50_000);
    isWhole(await get("hf://me/model"));
    const begun = () => asked().map((line) => Number(/bytes=(\d+)-$/.exec(line)?.[1] ?? 0));
    expect(begun()).to.have.length(3);
    expect(begun()[0]).to.equal(0);
    expect(begun()[1]).to.be.within(1, 100_000); // a busy machine may lose the last bytes sent
    expect(begun()[2]).to.be.within(begun()[1]! + 1, 150_000);
    rmSync(cache(), { recursive: true });
    hub.cuts.push(120_000, 0, 0, 0, 0);
    expect(await told("hf://me/model")).to.match(
      /^hf:\/\/me\/model\/model\.safetensors: the download from HOST stopped after 0\.1 of 0\.3 MB \(.+\); the bytes received are kept: run the command again to continue$/,
    );
    expect(existsSync(repository("snapshots"))).to.equal(false);
    hub.cuts.length = 0;
    isWhole(await get("hf://me/model"));
    expect(begun().at(-1)).to.be.within(1, 120_000);
    expect(leftovers()).to.deep.equal([]);
  });

  it("are downloaded again if the server has no ranges, or the partial file does not fit", async () => {
    hub.cuts.push(100_000);
    hub.ignoreRanges = true;
    isWhole(await get("hf://me/model"));
    rmSync(cache(), { recursive: true });
    hub.ignoreRanges = false;
    await mkdir(repository("blobs"), { recursive: true });
    const partial = repository("blobs", `${sha256(WEIGHTS)}.densekit-incomplete`);
    writeFileSync(partial, new Uint8Array(400_000));
    expect(await told("hf://me/model")).to.contain("has 400000 bytes, not 300000, and was deleted");
    isWhole(await get("hf://me/model"));
  });

  it("with a wrong checksum get no name, large and small", async () => {
    const files = new Map([
      ["large.safetensors", { bytes: WEIGHTS, large: true, etag: sha256(CONFIG) }],
      ["small.json", { bytes: CONFIG, etag: gitName(WEIGHTS) }],
    ]);
    hub.repositories.set("me/bad", files);
    for (const name of files.keys()) {
      expect(await told(`hf://me/bad/${name}`)).to.equal(
        `hf://me/bad/${name}: the file downloaded from HOST has the wrong checksum, and was deleted; run the command ` +
          "again, and if that does not help, download the file by hand",
      );
    }
    expect(readdirSync(cache("models--me--bad", "blobs"))).to.deep.equal([]);
    expect(existsSync(cache("models--me--bad", "snapshots"))).to.equal(false);
    // One that was damaged before it was continued is noticed too.
    await mkdir(repository("blobs"), { recursive: true });
    writeFileSync(repository("blobs", `${sha256(WEIGHTS)}.densekit-incomplete`), new Uint8Array(1000));
    expect(await told("hf://me/model")).to.contain("has the wrong checksum, and was deleted");
    isWhole(await get("hf://me/model"));
  });

  it("are fetched by one of several concurrent requests", async () => {
    hub.delay = 300;
    const said: string[] = [];
    const note = (event: ProgressEvent) => event.type === "message" && said.push(event.text);
    const paths = await Promise.all([0, 1, 2].map(() => get("hf://me/model", {}, note)));
    expect(new Set(paths).size).to.equal(1);
    expect(asked()).to.have.length(1);
    const waits = "another process is downloading hf://me/model/model.safetensors; waiting for it";
    expect(said).to.deep.equal([waits, waits]);
    expect(leftovers()).to.deep.equal([]);
  });

  it("report their progress, and stop when aborted", async () => {
    const events: ProgressEvent[] = [];
    await get("hf://me/model", {}, (event) => events.push(event));
    expect(events.at(-1)).to.deep.equal({
      ...{ type: "progress", what: "downloading hf://me/model/model.safetensors", unit: "bytes" },
      ...{ done: WEIGHTS.length, total: WEIGHTS.length },
    });
    rmSync(cache(), { recursive: true });
    hub.delay = 5000;
    const stopped = localFile("hf://me/model", { environment, signal: AbortSignal.timeout(200) });
    const reason: unknown = await stopped.catch((error: unknown) => error);
    expect(reason).to.have.property("name", "TimeoutError");
    expect(existsSync(repository("snapshots"))).to.equal(false);
  });

  it("are requested with the token only from the hub", async () => {
    await get("hf://me/model", { HF_TOKEN: "secret" });
    expect(hub.requests).to.deep.equal([
      "HEAD /me/model/resolve/main/model.safetensors Bearer secret",
      "GET /me/model/resolve/main/model.safetensors Bearer secret",
      `GET /${sha256(WEIGHTS)}`,
    ]);
  });

  it("that are not available: the message says why, and what to do", async () => {
    const name = "hf://me/model/model.safetensors";
    const unknown = "hf://me/unknown/model.safetensors: there is no repository me/unknown at HUB, or it is private; ";
    expect(await told("hf://me/unknown")).to.equal(`${unknown}for a private one set HF_TOKEN`);
    expect(await told("hf://me/unknown", { HF_TOKEN: "x" })).to.equal(
      `${unknown}the token in HF_TOKEN is wrong or has no access to it`,
    );
    expect(await told("hf://me/model@v9")).to.equal(`${name}@v9: the repository has no revision v9; see HUB/me/model`);
    const ask =
      "access to this repository is given on request: ask for it at HUB/me/model, then set HF_TOKEN to your token";
    const refused = "HOST refuses access (403); see HUB/me/model, and set HF_TOKEN to a token that has it";
    for (const [answer, message, more] of [
      [{ status: 403, code: "GatedRepo" }, ask, {}],
      [{ status: 401, code: "GatedRepo" }, `${ask} (the one that is set has no access)`, { HF_TOKEN: "x" }],
      [{ status: 403 }, refused, {}],
      [{ status: 429 }, "HOST has received too many requests from here; wait, or set HF_TOKEN", {}],
    ] as const) {
      hub.statuses.push(answer);
      expect((await told("hf://me/model", more)).replaceAll("http://HOST", "HUB")).to.equal(`${name}: ${message}`);
    }
    hub.statuses.push({ status: 503 });
    expect(await told("hf://me/model")).to.contain("HOST cannot be reached (it answered 503)");
    const page = createServer((_, response) => response.end("<html>"));
    const other = await listen(page);
    expect(await told("hf://me/model", { HF_ENDPOINT: other })).to.equal(
      `${name}: HOST does not answer as the hub does; is HF_ENDPOINT right?`,
    );
    page.close();
    expect(await told("hf://me/model", { HF_ENDPOINT: "hub" })).to.equal(
      "HF_ENDPOINT is hub, which is not an address; it must begin with https://",
    );
  });

  it("come from the cache without a network, or the message explains the manual way", async () => {
    const byHand =
      "download HUB/me/model/resolve/main/model.safetensors by other means and give the file's path instead (--weights FILE, " +
      "model.backbone.weights: FILE)";
    const offline = { HF_HUB_OFFLINE: "1" };
    expect(await told("hf://me/model", offline)).to.equal(
      `hf://me/model/model.safetensors: HF_HUB_OFFLINE is set, and the file is not in the cache (${cache()}); unset it, or ${byHand}`,
    );
    expect(hub.requests).to.deep.equal([]);
    const path = await get("hf://me/model");
    hub.requests.length = 0;
    expect(await get("hf://me/model", offline)).to.equal(path);
    expect(hub.requests).to.deep.equal([]);
    await hub.close();
    const said: string[] = [];
    expect(await get("hf://me/model", {}, (event) => event.type === "message" && said.push(event.text))).to.equal(path);
    expect(said.join()).to.match(
      /cannot be reached \(the connection was refused\); the copy in \S*models--me--model is used$/,
    );
    rmSync(cache(), { recursive: true });
    expect(await told("hf://me/model")).to.equal(
      "hf://me/model/model.safetensors: HOST cannot be reached (the connection was refused); if there is a proxy, name it in HTTPS_PROXY, " +
        `if a mirror, in HF_ENDPOINT; or ${byHand}`,
    );
    hub = await startHub(); // to be closed
  });

  it("may come from any server, and are cached; PyTorch's names contain checksums", async () => {
    const name = `resnet-${sha256(WEIGHTS).slice(0, 8)}.pth`;
    const files = new Map([
      [`/w/${name}`, WEIGHTS],
      ["/w/resnet-00000000.pth", WEIGHTS],
      ["/w/plain.pth", CONFIG],
    ]);
    let requests = 0;
    const server = createServer(({ url }, response) => {
      requests++;
      const bytes = files.get(new URL(url!, "http://x").pathname);
      if (bytes === undefined) response.writeHead(404).end();
      else response.end(bytes);
    });
    const base = `${await listen(server)}/w`;
    try {
      const path = await get(`${base}/${name}?key=secret`);
      expect(path.startsWith(join(folder, "cache", "densekit", "downloads"))).to.equal(true);
      isWhole(path);
      expect(await get(`${base}/${name}?key=secret`)).to.equal(path);
      expect(requests).to.equal(1);
      expect(readFileSync(await get(`${base}/plain.pth`)).equals(CONFIG)).to.equal(true);
      expect(await told(`${base}/resnet-00000000.pth?key=secret`))
        .to.contain("has the wrong checksum, and was deleted")
        .and.not.contain("secret");
      expect(await told(`${base}/none.pth`)).to.equal(
        "http://HOST/w/none.pth: HOST answered 404; look at the address in a browser",
      );
      const none = await told("https://example.invalid/w.pth", { HF_HUB_OFFLINE: "1" });
      expect(none).to.contain("HF_HUB_OFFLINE is set");
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("come through the environment's proxy", async () => {
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      const { method, headers, url } = request;
      seen.push(`${method} ${url} ${headers["proxy-authorization"] ?? ""}`);
      const onwards = httpRequest(url!, { method: method!, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onwards);
    });
    proxy.on("connect", (request, socket) => {
      seen.push(`CONNECT ${request.url}`);
      const [host, port] = request.url!.split(":");
      const onwards = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        onwards.pipe(socket).pipe(onwards);
      });
      for (const end of [onwards, socket]) end.on("error", () => undefined);
    });
    const { host } = new URL(await listen(proxy));
    try {
      isWhole(await get("hf://me/model", { HTTP_PROXY: `http://user:pass%20word@${host}` }));
      const auth = `Basic ${Buffer.from("user:pass word").toString("base64")}`;
      expect(seen[0]).to.equal(`HEAD ${hub.url}/me/model/resolve/main/model.safetensors ${auth}`);
      expect(seen).to.have.length(3);
      // The tunnel is opened, but there is no TLS server at its end.
      const target = hub.url.replace("http:", "https:");
      const end = await told("hf://me/x", { HF_ENDPOINT: target, HTTPS_PROXY: host });
      expect(end).to.contain("cannot be reached");
      expect(seen.at(-1)).to.equal(`CONNECT ${new URL(hub.url).host}`);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
    const to = (url: string, settings: Record<string, string>) => proxyFor(new URL(url), settings)?.href;
    const both = { https_proxy: "http://a:1", HTTP_PROXY: "b:2", NO_PROXY: "localhost, .example.org,x.net:8443" };
    expect(to("https://hub.net/x", both)).to.equal("http://a:1/");
    expect(to("http://hub.net/x", both)).to.equal("http://b:2/");
    for (const url of ["https://localhost/", "https://a.example.org/", "https://example.org/", "https://x.net:8443/"]) {
      expect(to(url, both), url).to.equal(undefined);
    }
    expect(to("https://x.net/", both)).to.equal("http://a:1/");
    expect(to("https://x.net/", { ...both, NO_PROXY: "*" })).to.equal(undefined);
    expect(to("https://x.net/", { ALL_PROXY: "http://c:3" })).to.equal("http://c:3/");
  });

  it("have one form of address", () => {
    expect(parseHubAddress("hf://a/b")).to.deep.equal({ repository: "a/b", revision: "main" });
    expect(parseHubAddress("hf://a/b.c/d/e.pth@v1")).to.deep.equal({
      ...{ repository: "a/b.c", file: "d/e.pth", revision: "v1" },
    });
    const wrong = ["hf://", "hf://a", "hf://a/", "hf://a/b/", "hf://../b", "hf://a/b/../c", "hf://a/b@", "hf://a/b//c"];
    for (const text of [...wrong, "hf://a/b@../x", "hf://a/b/x@/etc"]) {
      expect(() => parseHubAddress(text), text).to.throw(
        `${text}: not an address of a file on the hub; it has the form hf://OWNER/NAME[/FILE][@REVISION]`,
      );
    }
  });
});

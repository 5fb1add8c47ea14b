import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A file of a repository as served by the hub. */
export interface ServedFile {
  readonly bytes: Uint8Array;
  /** Large files are named by their SHA-256 and served by redirects to another server, others by the hub itself. */
  readonly large?: boolean;
  /** Sent in place of the checksum. */
  readonly etag?: string;
}

interface State {
  /** By OWNER/NAME, then by file. */
  readonly repositories: Map<string, Map<string, ServedFile>>;
  /** Commits by revision; others are unknown. */
  readonly commits: Map<string, string>;
  /** Method, path, range and authorization, in order. */
  readonly requests: string[];
  /** Byte counts after which the next responses with a large file are cut off, one each. */
  readonly cuts: number[];
  /** Statuses of the hub's next responses. */
  readonly statuses: { readonly status: number; readonly code?: string }[];
  /** Renamed repositories. */
  readonly moved: Map<string, string>;
  /** The large files' server ignores ranges. */
  ignoreRanges: boolean;
  /** Delay of a large file's bytes in milliseconds. */
  delay: number;
}

export interface HubServer extends State {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the hub's routes for downloads: resolve, with redirects to a second server for large files. */
export async function startHub(): Promise<HubServer> {
  const state: State = {
    repositories: new Map(),
    commits: new Map([["main", "a".repeat(40)]]),
    ...{ requests: [], cuts: [], statuses: [], moved: new Map(), ignoreRanges: false, delay: 0 },
  };
  const blobs = new Map<string, Uint8Array>();
  const store = createServer((request, response) => void giveBytes(hub, blobs, request, response));
  const storeUrl = await listen(store);
  const routes = createServer((request, response) => answer(hub, { blobs, storeUrl }, request, response));
  const url = await listen(routes);
  const close = async () => {
    for (const server of [store, routes]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };
  const hub: HubServer = Object.assign(state, { url, close });
  return hub;
}

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // another port is another host
}

function note({ requests }: State, { method, url, headers }: IncomingMessage): void {
  requests.push([method, url, headers.range, headers.authorization].filter((text) => text !== undefined).join(" "));
}

interface Store {
  readonly blobs: Map<string, Uint8Array>;
  readonly storeUrl: string;
}

function answer(state: State, { blobs, storeUrl }: Store, request: IncomingMessage, response: ServerResponse): unknown {
  note(state, request);
  const refuse = (status: number, code?: string) =>
    response.writeHead(status, code === undefined ? {} : { "x-error-code": code }).end();
  const forced = state.statuses.shift();
  if (forced !== undefined) return refuse(forced.status, forced.code);
  const [, repository = "", revision = "", file = ""] =
    /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(request.url ?? "") ?? [];
  const moved = state.moved.get(repository);
  if (moved !== undefined) {
    return response.writeHead(307, { location: request.url!.replace(repository, moved) }).end();
  }
  const files = state.repositories.get(repository);
  if (files === undefined) return refuse(401, "RepoNotFound");
  const commit = state.commits.get(decodeURIComponent(revision));
  if (commit === undefined) return refuse(404, "RevisionNotFound");
  const served = files.get(decodeURIComponent(file));
  if (served === undefined) return refuse(404, "EntryNotFound");
  const { bytes, large = false } = served;
  const etag = served.etag ?? (large ? sha256(bytes) : gitName(bytes));
  if (large) {
    blobs.set(`/${etag}`, bytes);
    const said = { "x-repo-commit": commit, "x-linked-etag": `"${etag}"`, "x-linked-size": bytes.length };
    return response.writeHead(302, { ...said, location: `${storeUrl}/${etag}`, etag: '"other"' }).end();
  }
  response.writeHead(200, { "x-repo-commit": commit, etag: `"${etag}"`, "content-length": bytes.length });
  return response.end(request.method === "HEAD" ? undefined : bytes);
}

async function giveBytes(
  state: State,
  blobs: ReadonlyMap<string, Uint8Array>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  note(state, request);
  const bytes = blobs.get(request.url ?? "");
  if (bytes === undefined) return void response.writeHead(404).end();
  await new Promise((resolve) => setTimeout(resolve, state.delay));
  const asked = state.ignoreRanges ? undefined : /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
  const from = Number(asked ?? 0);
  if (from >= bytes.length) return void response.writeHead(416).end();
  const rest = bytes.subarray(from);
  response.writeHead(asked === undefined ? 200 : 206, {
    "content-length": rest.length,
    ...(asked !== undefined && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  const cut = state.cuts.shift();
  if (cut === undefined) return void response.end(rest);
  response.write(rest.subarray(0, cut), () => setTimeout(() => response.destroy(), 50));
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
export const gitName = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

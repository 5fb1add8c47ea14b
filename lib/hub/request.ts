import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { ownVersion } from "../version.js";
import { proxyFor, proxyHeaders } from "./proxy.js";
import type { Environment } from "./settings.js";

export interface Ask {
  readonly method: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly environment: Environment;
}

export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** A server that sends nothing for this long counts as gone. */
export const SILENCE_MS = 30_000;

/** Sends one request, following no redirect. Errors are those of the network. */
export async function ask(url: URL, { method, headers = {}, signal, environment }: Ask): Promise<Answer> {
  const proxy = proxyFor(url, environment);
  const own = { "user-agent": `densekit/${ownVersion()}`, "accept-encoding": "identity", ...headers };
  const options: RequestOptions = { method, headers: own, ...(signal && { signal }) };
  const isSecure = url.protocol === "https:";
  const request = await (proxy === undefined
    ? (isSecure ? httpsRequest : httpRequest)(url, options)
    : isSecure
      ? throughTunnel(url, proxy, options)
      : throughProxy(url, proxy, options));
  const body = await answerOf(request);
  return { url, status: body.statusCode ?? 0, headers: body.headers, body };
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.setTimeout(SILENCE_MS, () => request.destroy(new Error(`no answer for ${SILENCE_MS / 1000} s`)));
    request.once("response", resolve);
    request.on("error", reject);
    request.end();
  });
}

const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === "https:" ? 443 : 80);

function throughProxy(url: URL, proxy: URL, options: RequestOptions): ClientRequest {
  const headers = { ...options.headers, host: url.host, ...proxyHeaders(proxy) };
  return httpRequest({ ...options, host: proxy.hostname, port: portOf(proxy), path: url.href, headers });
}

/** A tunnel through the proxy, which sees only encrypted data. */
async function throughTunnel(url: URL, proxy: URL, options: RequestOptions): Promise<ClientRequest> {
  const target = `${url.hostname}:${portOf(url)}`;
  const asked = (proxy.protocol === "https:" ? httpsRequest : httpRequest)({
    ...{ method: "CONNECT", host: proxy.hostname, port: portOf(proxy), path: target },
    headers: { host: target, ...proxyHeaders(proxy) },
    ...(options.signal && { signal: options.signal }),
  });
  const tunnel = await new Promise<Socket>((resolve, reject) => {
    asked.setTimeout(SILENCE_MS, () => asked.destroy(new Error(`the proxy ${proxy.host} does not answer`)));
    asked.once("connect", ({ statusCode }, socket) => {
      if (statusCode === 200) return resolve(socket as Socket);
      socket.destroy();
      reject(new Error(`the proxy ${proxy.host} refused with ${statusCode}`));
    });
    asked.once("response", ({ statusCode }) => reject(new Error(`the proxy ${proxy.host} refused with ${statusCode}`)));
    asked.once("error", reject);
    asked.end();
  });
  const createConnection = () => tlsConnect({ socket: tunnel, servername: url.hostname });
  return httpsRequest(url, { ...options, agent: false, createConnection });
}

/** A network error in words. */
export function networkReason(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const code = first instanceof Error && "code" in first ? String(first.code) : "";
  return REASONS[code] ?? (first instanceof Error && first.message !== "" ? first.message : code);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name is unknown here",
  EAI_AGAIN: "its name cannot be looked up",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was cut",
  ETIMEDOUT: "no answer",
  ENETUNREACH: "the network cannot be reached",
  EHOSTUNREACH: "the host cannot be reached",
};

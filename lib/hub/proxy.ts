import type { Environment } from "./settings.js";

/** The proxy that the environment asks for on the way to an address. */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const said = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name] || undefined;
  if (isExempt(url, said("NO_PROXY") ?? "")) return undefined;
  const proxy = said(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY") ?? said("ALL_PROXY");
  if (proxy === undefined) return undefined;
  const text = proxy.includes("://") ? proxy : `http://${proxy}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** NO_PROXY: hosts, domains with what is below them, with a port or without; * for all. */
function isExempt({ hostname, port, protocol }: URL, list: string): boolean {
  const own = port || (protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === "") return false;
    if (entry === "*") return true;
    const [, name = "", wanted] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
    return (wanted === undefined || wanted === own) && (hostname === name || hostname.endsWith(`.${name}`));
  });
}

/** What a proxy wants to know of its user. */
export function proxyHeaders({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === "") return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(text).toString("base64")}` };
}

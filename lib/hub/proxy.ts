import type { Environment } from "./settings.js";

/** The environment's proxy for an address. */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const said = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name] || undefined;
  if (isExempt(url, said("NO_PROXY") ?? "")) return undefined;
  const proxy = said(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY") ?? said("ALL_PROXY");
  if (proxy === undefined) return undefined;
  const text = proxy.includes("://") ? proxy : `http://${proxy}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** NO_PROXY: hosts, or domains with their subdomains, with or without a port; * for all. */
function isExempt({ hostname, port, protocol }: URL, list: string): boolean {
  const own = port || (protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === "") return false;
    if (entry === "*") return true;
    const [, name = "", wanted] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry) ?? [];
    return (wanted === undefined || wanted === own) && (hostname === name || hostname.endsWith(`.${name}`));
  });
}

/** The credentials for a proxy. */
export function proxyHeaders({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === "") return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(text).toString("base64")}` };
}

import { type Answer, type Ask, ask } from "./request.js";

const MOST_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

export interface Follow extends Ask {
  /** Sent only to the first address's host, and never unencrypted if that one was encrypted. */
  readonly secret?: Readonly<Record<string, string>>;
  /** Do not follow redirects to other hosts: the first host's own headers are wanted. */
  readonly sameHost?: boolean;
}

/** Sends a request and follows redirects. Errors are those of the network, or of redirects that lead nowhere. */
export async function follow(start: URL, { secret = {}, sameHost = false, ...options }: Follow): Promise<Answer> {
  let url = start;
  for (let i = 0; i <= MOST_REDIRECTS; i++) {
    const own = url.origin === start.origin ? secret : {};
    const answer = await ask(url, { ...options, headers: { ...options.headers, ...own } });
    const { location } = answer.headers;
    if (!REDIRECTS.includes(answer.status) || location === undefined) return answer;
    const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined;
    if (sameHost && next?.host !== url.host) return answer;
    answer.body.destroy();
    if (next === undefined || !/^https?:$/.test(next.protocol)) throw new Error(`it redirects to ${location}`);
    if (url.protocol === "https:" && next.protocol === "http:")
      throw new Error("it redirects to http, without encryption");
    url = next;
  }
  throw new Error(`it redirects more than ${MOST_REDIRECTS} times`);
}

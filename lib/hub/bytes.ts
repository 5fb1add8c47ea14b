import { UserError } from "../errors.js";
import { follow } from "./follow.js";
import { type Answer, networkReason, SILENCE_MS } from "./request.js";
import { hubSettings } from "./settings.js";
import { refusal, shownAddress } from "./web.js";

export interface WebBytesOptions {
  /** Bytes that are taken; more is an error. */
  readonly most: number;
  /** For the whole of it; default 60. */
  readonly seconds?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What is at an http or https address now, in memory: nothing is kept.
 *
 * @throws UserError where it cannot be had within the limits; the signal's reason when aborted
 */
export async function webBytes(url: URL, { most, seconds = 60, signal }: WebBytesOptions): Promise<Uint8Array> {
  const name = shownAddress(url);
  const { environment, offline } = hubSettings();
  if (offline) throw new UserError(`${name}: HF_HUB_OFFLINE is set, so nothing is fetched; unset it, or give a path`);
  const limit = AbortSignal.timeout(seconds * 1000);
  const either = signal === undefined ? limit : AbortSignal.any([limit, signal]);
  try {
    const answer = await follow(url, { method: "GET", signal: either, environment });
    if (answer.status === 200) return await bodyOf(answer, name, most);
    answer.body.destroy();
    throw refusal(name, answer);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof UserError) throw error;
    const reason = limit.aborted ? `it took longer than ${seconds} s` : networkReason(error);
    throw new UserError(`${name}: cannot be fetched from ${url.host} (${reason}); download it and give its path`);
  }
}

async function bodyOf({ headers, body }: Answer, name: string, most: number): Promise<Uint8Array> {
  const tooLong = () => new UserError(`${name}: it has more than ${most / 1e6} MB; download it and give its path`);
  const said = Number(headers["content-length"] ?? 0);
  body.setTimeout(SILENCE_MS, () => body.destroy(new Error(`nothing came for ${SILENCE_MS / 1000} s`)));
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    if (said > most) throw tooLong();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most) throw tooLong();
      chunks.push(chunk);
    }
  } finally {
    body.destroy();
  }
  if (length < said) throw new Error("the connection was cut");
  return Buffer.concat(chunks);
}

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Page } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** The Chromium of this machine: the environment variable CHROMIUM, or one of its usual names in the search path. */
export function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
}

/** The path of Chromium; without it, skips the running test or suite with a message. */
export function requireChromium(context: Mocha.Context): string {
  const path = findChromium();
  if (path === undefined) {
    console.warn("      skipped: no Chromium found; install one, or set CHROMIUM to its path");
    context.skip();
  }
  return path;
}

export interface OpenedPage {
  readonly page: Page;
  /** Faults while loading: errors on the console, failed or forbidden requests. */
  readonly problems: readonly string[];
  /** Every request except for the file itself and for data: URIs. */
  readonly requests: readonly string[];
}

export interface OpenOptions {
  /** From `requireChromium`. */
  readonly chromium: string;
  readonly file: string;
  /** CSS pixels, default 1280 × 900. */
  readonly width?: number;
  readonly height?: number;
}

/** Milliseconds; on a busy machine it takes long to start a browser and to parse megabytes of script. */
const PATIENCE = 180_000;

/** Opens a file from disk, without a network, waits until its images are decoded, and hands it to `look`. */
export async function withPage<T>(options: OpenOptions, look: (opened: OpenedPage) => Promise<T>): Promise<T> {
  const { width = 1280, height = 900 } = options;
  const browser = await chromium.launch({
    executablePath: options.chromium,
    args: ["--no-sandbox"],
    timeout: PATIENCE,
  });
  try {
    const context = await browser.newContext({ viewport: { width, height }, offline: true });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const url = pathToFileURL(options.file).href;
    const problems: string[] = [];
    const requests: string[] = [];
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("requestfailed", (request) => problems.push(`failed: ${request.url()}`));
    page.on("request", (request) => {
      if (request.url() !== url && !request.url().startsWith("data:")) requests.push(request.url());
    });
    await page.goto(url, { waitUntil: "load" });
    await page.evaluate("Promise.all([...document.images].map((image) => image.decode()))");
    return await look({ page, problems, requests });
  } finally {
    await browser.close();
  }
}

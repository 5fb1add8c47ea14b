import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadConfig } from "../../lib/config/load.js";
import type { FuzzTarget, FuzzTargets } from "../../tools/fuzz/target.js";
import { SMALL } from "../config/support.js";

/* Small configs that try to take all memory or never to end. */

export interface HostileConfig {
  readonly files: () => Readonly<Record<string, string>>;
  /** Of the message; undefined if the config is valid and cheap. */
  readonly refusal?: RegExp;
}

const one = (text: string) => () => ({ "config.yaml": text });
const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

const laughs = lines(10, (i) =>
  i === 0
    ? "a0: &a0 [x, x, x, x, x, x, x, x, x]"
    : `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(", ")}]`,
);

export const HOSTILE_CONFIGS: Readonly<Record<string, HostileConfig>> = {
  "a billion laughs": {
    files: one(laughs),
    refusal: /config\.yaml:6:\d+: with aliases expanded, .* 100000 values$/,
  },
  "an alias ten thousand times": {
    files: one(`a: &a [${Array(1000).fill("x").join(", ")}]\nb: [${Array(10_000).fill("*a").join(", ")}]`),
    refusal: /with aliases expanded/,
  },
  "twenty-six diamonds": {
    files: () => ({
      "config.yaml": `extends: [0a.yaml, 0b.yaml]\n${SMALL}`,
      ...Object.fromEntries(
        Array.from({ length: 26 }, (_, i) =>
          ["a", "b"].map((side) => [
            `${i}${side}.yaml`,
            i === 25 ? "training: { seed: 7 }" : `extends: [${i + 1}a.yaml, ${i + 1}b.yaml]\n`,
          ]),
        ).flat(),
      ),
    }),
  },
  "sixty files, one extending the next": {
    files: () => ({
      "config.yaml": "extends: 0.yaml",
      ...Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}.yaml`, `extends: ${i + 1}.yaml\n`])),
    }),
    refusal: /48\.yaml:1:10: extends: more than 50 files extend each other in a chain$/,
  },
  "twenty thousand bases": {
    files: one(`extends: [${Array(20_000).fill("a").join(",")}]`),
    refusal: /config\.yaml:1:10: extends: 20000 files; 50 at most can be extended$/,
  },
  "a hundred thousand bases": {
    files: one(`extends: [${Array(100_000).fill("a").join(",")}]`),
    refusal: /more than 100000 values$/,
  },
  "a hundred thousand brackets": {
    files: one(`a: ${"[".repeat(100_000)}${"]".repeat(100_000)}`),
    refusal: /config\.yaml:1:\d+: not valid YAML: nested too deeply$/,
  },
  "a hundred thousand dashes": { files: one("- ".repeat(100_000)), refusal: /nested too deeply$/ },
  "thirty thousand keys": {
    files: one(lines(30_000, (i) => `k${i}: 1`)),
    refusal: /config\.yaml:1:1: task: is missing/,
  },
  "thirty thousand texts that are no numbers": {
    files: one(SMALL.replace("steps: 300", `steps: [${"x,".repeat(30_000)}]`)),
    refusal: /training\.steps/,
  },
  "ninety-nine levels, and one more": {
    files: one(`a: ${"[".repeat(100)}${"]".repeat(100)}`),
    refusal: /config\.yaml:1:103: nested more than 100 levels deep$/,
  },
  "thirty thousand unknown keys": {
    files: one(SMALL + lines(30_000, (i) => `k${i}: 1`)),
    refusal: /config\.yaml:\d+:1: k0: unknown key[^\n]*\n(.*\n)*and 29990 more$/,
  },
  "a file of another kind": {
    files: one("a: 1\n".repeat(500_000)),
    refusal: /config\.yaml: 2500000 bytes of YAML; 524288 can be read: is this another file\?$/,
  },
};

/** Each is a target of its own, so that the fuzzer's watchdog sees its cost. */
export const TARGETS: FuzzTargets = Object.fromEntries(
  Object.entries(HOSTILE_CONFIGS).map(([name, { files }]) => {
    const target: FuzzTarget = {
      about: name,
      open: (folder) => ({
        make: () => Buffer.from(JSON.stringify(files())),
        attempt: (bytes) => void load(folder, JSON.parse(Buffer.from(bytes).toString())),
      }),
    };
    return [name, async () => ({ target })];
  }),
);

export function load(folder: string, files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return loadConfig(join(folder, "config.yaml"));
}

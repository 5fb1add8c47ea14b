import type { Random } from "../../lib/random.js";

/* Text that nobody would write: numbers without bounds, names that every object has, strings of odd lengths. */

export const oneOf = <T>(random: Random, items: readonly T[]): T => items[random.integer(items.length)]!;

const NUMBERS = [
  ...["0", "-0", "1", "-1", "2", "3", "0.5", "1e-9", "5e-324", "127", "255", "256", "65535", "65536"],
  ...["2147483647", "2147483648", "-2147483649", "4294967295", "4294967296", "1e9", "9007199254740991"],
  ...["9007199254740993", "18446744073709551616", "1e19", "1e100", "1.7976931348623157e308", "1e309", "-1e309"],
];

/** In JSON's form, unless it is too large for that. */
export function anyNumber(random: Random): string {
  switch (random.integer(4)) {
    case 0:
      return String(random.integer(10));
    case 1:
      return String(Math.round(random.normal() * 10 ** random.integer(20)));
    case 2:
      return String(random.normal() * 10 ** (random.integer(600) - 300));
    default:
      return oneOf(random, NUMBERS);
  }
}

const NAMES = [
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype", "__defineGetter__", "length"],
  ...["", " ", "a", "a.b", "..", "/", "\\", "\0", "\n", "é", "e\u0301", "𝄞", "\uFEFF", "null", "NaN", "1", "-1", "01"],
];

export function anyName(random: Random): string {
  return random.integer(20) === 0 ? oneOf(random, NAMES).repeat(1 + random.integer(2000)) : oneOf(random, NAMES);
}

/** Text with a meaning to parsers. */
const PIECES = [
  "[",
  "]",
  "{",
  "}",
  '"',
  "'",
  ",",
  ":",
  "\\",
  "<",
  ">",
  "/",
  "&",
  "*",
  "!",
  "|",
  "#",
  "-",
  " ",
  "\n",
  "\t",
  "\0",
];

/** Mostly small, now and then large: at most about 100,000. */
const howOften = (random: Random): number => Math.floor(10 ** random.uniform(0, random.integer(10) === 0 ? 5 : 2));

/** A text with some tokens replaced, dropped, moved or repeated very often. */
export function mutateText(text: string, random: Random, words: readonly string[] = []): string {
  const tokens = text.match(/[A-Za-z_][\w-]*|-?\d[\d.eE+-]*|\s+|[^\w\s]/g) ?? [];
  const times = 1 + random.integer(5);
  for (let i = 0; i < times && tokens.length > 0; i++) oneOf(random, MUTATIONS)(tokens, random, words);
  return tokens.join("");
}

type Mutation = (tokens: string[], random: Random, words: readonly string[]) => void;

const placeOf = (tokens: readonly string[], pattern: RegExp, random: Random): number => {
  const places = tokens.flatMap((token, i) => (pattern.test(token) ? [i] : []));
  return places.length === 0 ? random.integer(tokens.length) : oneOf(random, places);
};

const MUTATIONS: readonly Mutation[] = [
  (tokens, random) => void (tokens[placeOf(tokens, /^-?\d/, random)] = anyNumber(random)),
  (tokens, random) => void (tokens[placeOf(tokens, /^[A-Za-z_]/, random)] = anyName(random)),
  (tokens, random, words) => {
    if (words.length > 0) tokens[placeOf(tokens, /^[A-Za-z_]/, random)] = oneOf(random, words);
  },
  (tokens, random) => void (tokens[random.integer(tokens.length)] = oneOf(random, PIECES)),
  (tokens, random) => void tokens.splice(random.integer(tokens.length), 1 + random.integer(4)),
  (tokens, random) =>
    void tokens.splice(random.integer(tokens.length), 0, oneOf(random, PIECES).repeat(howOften(random))),
  (tokens, random) => {
    const from = random.integer(tokens.length);
    const part = tokens.slice(from, from + 1 + random.integer(12)).join("");
    tokens.splice(from, 0, part.repeat(Math.min(howOften(random), Math.floor(200_000 / (part.length + 1)))));
  },
  (tokens, random) => {
    const [from, to] = [random.integer(tokens.length), random.integer(tokens.length)];
    tokens.splice(to, 0, ...tokens.slice(from, from + random.integer(30)));
  },
  (tokens, random) => void tokens.splice(random.integer(tokens.length)),
];

/** A JSON value of any kind, nested up to `depth`. */
export function anyJson(random: Random, depth = 3): string {
  const kind = random.integer(depth > 0 ? 8 : 5);
  const some = <T>(make: () => T): T[] => Array.from({ length: random.integer(4) }, make);
  if (kind === 0) return oneOf(random, ["null", "true", "false", "NaN", "-Infinity", "Infinity"]);
  if (kind <= 2) return anyNumber(random);
  if (kind <= 4) return JSON.stringify(anyName(random));
  if (kind <= 6) return `[${some(() => anyJson(random, depth - 1)).join(",")}]`;
  return `{${some(() => `${JSON.stringify(anyName(random))}:${anyJson(random, depth - 1)}`).join(",")}}`;
}

import { checkDepth } from "../json.js";

/**
 * As JSON.parse, of texts nested 200 levels deep at most; NaN and Infinity, which Python writes though they are no JSON, are
 * read as what they are, so that whoever checks the values can name the one that holds them.
 *
 * @throws SyntaxError
 */
export function parsePythonJson(text: string): unknown {
  checkDepth(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    const notANumber = textNotIn(text);
    const mended = text.replace(/"(?:[^"\\]|\\.)*"|\bNaN\b|\bInfinity\b/g, (token) => {
      if (token[0] === '"') return token;
      return token === "NaN" ? `"${notANumber}"` : "1e999";
    });
    if (mended === text) throw error;
    try {
      return withNaN(JSON.parse(mended), notANumber);
    } catch {
      throw error; // the first one's position is the file's
    }
  }
}

/** JSON has no way to say NaN: a text stands for it that is nowhere else. */
function textNotIn(text: string): string {
  let result = "NaN";
  while (text.includes(`"${result}"`)) result += "!";
  return result;
}

function withNaN(value: unknown, notANumber: string): unknown {
  if (value === notANumber) return Number.NaN;
  if (typeof value !== "object" || value === null) return value;
  for (const [key, inner] of Object.entries(value)) {
    const read = withNaN(inner, notANumber);
    if (read !== inner) Reflect.set(value, key, read);
  }
  return value;
}

import { checkDepth } from "../json.js";

/**
 * As JSON.parse, of texts nested 200 levels deep at most; NaN and Infinity, which Python writes although they are not
 * JSON, are read as such, so that the code that checks values can name the one that has them.
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
      throw error; // the first error has the file's position
    }
  }
}

/** JSON cannot express NaN: a text that occurs nowhere else stands for it. */
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

/**
 * As JSON.parse; NaN and Infinity, which Python writes though they are no JSON, are read as infinite, so that whoever
 * checks the values can name the one that holds them.
 *
 * @throws SyntaxError
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const mended = text.replace(/"(?:[^"\\]|\\.)*"|\bNaN\b|\bInfinity\b/g, (token) =>
      token[0] === '"' ? token : "1e999",
    );
    if (mended === text) throw error;
    try {
      return JSON.parse(mended);
    } catch {
      throw error; // the first one's position is the file's
    }
  }
}

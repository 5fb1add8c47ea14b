/** Far deeper than programs write, and far from the depth at which a traversal would overflow the stack. */
const DEEPEST = 200;

class TooDeep extends SyntaxError {}

/** Whether `parseJson` threw this because the text is nested too deeply. */
export const isTooDeep = (error: unknown): error is SyntaxError => error instanceof TooDeep;

/** As JSON.parse, of texts nested 200 levels deep at most. @throws SyntaxError */
export function parseJson(text: string): unknown {
  checkDepth(text);
  return JSON.parse(text);
}

/**
 * JSON.parse takes any depth, but a traversal of its result then overflows the stack.
 *
 * @throws SyntaxError
 */
export function checkDepth(text: string): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5b || c === 0x7b) {
      if (++depth > DEEPEST) throw new TooDeep(`nested more than ${DEEPEST} levels deep`);
    } else if (c === 0x5d || c === 0x7d) depth--;
    else if (c === 0x22) i = stringEnd(text, i + 1);
  }
}

/** Where the closing quote is, or the text's end. */
function stringEnd(text: string, from: number): number {
  for (let i = text.indexOf('"', from); i >= 0; i = text.indexOf('"', i + 1)) {
    let start = i;
    while (text.charCodeAt(start - 1) === 0x5c) start--;
    if ((i - start) % 2 === 0) return i;
  }
  return text.length;
}

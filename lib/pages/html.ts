/** Text that is HTML already: `html` puts it in as it is, where any other text is escaped. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | undefined | false | readonly Part[];

/**
 * HTML from a template: what is put in is escaped unless it is Html itself; lists are joined, undefined and false leave
 * nothing.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: strings.reduce((text, piece, i) => text + render(parts[i - 1]) + piece) };
}

/** HTML or SVG made elsewhere, taken as it is. It must not hold anything a user wrote that is not escaped. */
export function raw(text: string): Html {
  return { html: text };
}

function render(part: Part): string {
  if (part === undefined || part === false) return "";
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return escapeHtml(part);
  return "html" in part ? part.html : part.map(render).join("");
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

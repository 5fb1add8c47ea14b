import { type Html, html, raw } from "./html.js";
import { STYLE } from "./style.js";

export interface Page {
  readonly title: string;
  /** A line below the title: the subject of the page. */
  readonly subtitle?: string;
  readonly sections: readonly Section[];
}

export interface Section {
  readonly title: string;
  /** A sentence or two below the heading. */
  readonly text?: string;
  readonly content: readonly Html[];
}

/**
 * One self-contained HTML file. It opens from disk and loads nothing from a network: its own policy forbids that. With
 * two or more sections, links to them are at the top.
 */
export function renderPage({ title, subtitle, sections }: Page): string {
  const anchors = sections.map((_, i) => `section-${i + 1}`);
  const navigation = html`<nav>${sections.map((section, i) => html`<a href="#${anchors[i]}">${section.title}</a> `)}</nav>`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="densekit">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<header><h1>${title}</h1>${subtitle !== undefined && html`<p>${subtitle}</p>`}${sections.length > 1 && navigation}</header>
<main>
${sections.map(
  (section, i) => html`<section id="${anchors[i]}">
<h2>${section.title}</h2>
${section.text !== undefined && html`<p>${section.text}</p>`}
${section.content.map((part) => html`${part}\n`)}</section>
`,
)}</main>
</body>
</html>
`;
  return page.html;
}

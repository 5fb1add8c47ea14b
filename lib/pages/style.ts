/**
 * The style sheet of every page: one column, figures side by side where there is room, legible on a phone, in dark mode
 * and in print. Drawings are made for white; in dark mode they are inverted, and their hues rotated back.
 */
export const STYLE = `
:root { color-scheme: light dark; --page: #fff; --text: #1a1a1a; --line: #ddd; --fine: #eee; --strong: #bbb;
  --soft: #666; --link: #1f5fbf; }
@media screen and (prefers-color-scheme: dark) {
  :root { --page: #15171b; --text: #e4e6ea; --line: #353940; --fine: #262a30; --strong: #555b65; --soft: #a2a8b3;
    --link: #82b4ff; }
  figure > svg { filter: invert(1) hue-rotate(180deg); } figure > svg > rect:first-of-type { fill: none; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 24px 28px 60px; background: var(--page); color: var(--text);
  font: 15px/1.5 Inter, system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 0 0 8px; }
header p, section > p { color: var(--soft); margin: 0 0 12px; max-width: 80ch; overflow-wrap: anywhere; }
nav a { display: inline-block; margin: 0 14px 4px 0; color: var(--link); text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { border-top: 1px solid var(--line); margin-top: 26px; padding-top: 18px; }
.figures { display: flex; flex-wrap: wrap; gap: 18px 26px; align-items: flex-start; }
.figures > * { min-width: 0; max-width: 100%; }
figure { margin: 0; max-width: 100%; } figure svg, figure img { display: block; max-width: 100%; height: auto; }
figure svg text { font-family: Inter, system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
figcaption { color: var(--soft); font-size: 13px; margin-top: 4px; overflow-wrap: anywhere; }
.numbers { display: flex; flex-wrap: wrap; gap: 10px 34px; margin: 0 0 16px; }
.numbers div { min-width: 90px; } .numbers b { display: block; font-size: 22px; font-weight: 600; }
.numbers span { color: var(--soft); font-size: 13px; }
.wide { overflow-x: auto; margin: 0 0 14px; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 12px 3px 0; text-align: right; border-bottom: 1px solid var(--fine); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; border-bottom-color: var(--strong); }
th:first-child, td:first-child { text-align: left; }
.words { text-align: left; } caption { text-align: left; color: var(--soft); padding-bottom: 4px; }
details { margin: 8px 0 14px; } summary { cursor: pointer; color: var(--link); }
h3 { font-size: 15px; font-weight: 600; margin: 14px 0 6px; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 8px 14px;
  margin: 0 0 6px; }
.pair img { width: 100%; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 4px 34px; }
.cards article { min-width: 0; } .cards p { margin: 4px 0 6px; max-width: 62ch; }
.keys span { white-space: nowrap; margin-right: 10px; } .keys i { display: inline-block; width: 12px; height: 12px;
  border-radius: 3px; margin-right: 5px; vertical-align: -1px; }
pre { overflow-x: auto; font: 12.5px/1.45 ui-monospace, "Liberation Mono", monospace; }
.note { border-left: 3px solid #d08a1d; padding: 2px 0 2px 12px; margin: 0 0 12px; max-width: 80ch; }
.matrix td { min-width: 30px; padding: 2px 6px; text-align: right; border: 1px solid var(--page); }
.matrix th { border-bottom: none; }
.matrix thead th { vertical-align: bottom; padding: 4px 2px; }
.matrix thead th span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 160px; overflow: hidden; }
.matrix tbody th { text-align: right; padding: 2px 8px 2px 0; color: var(--text); }
${shades("r", "31 110 190")}
${shades("e", "205 75 45")}
@media (max-width: 600px) { body { padding: 14px 14px 40px; } h1 { font-size: 22px; } }
@media print { section { break-inside: avoid; } nav { display: none; } }
`;

/** Ten shades of a colour over the page's background, the darker half with white text. */
function shades(name: string, rgb: string): string {
  return Array.from({ length: 10 }, (_, i) => {
    const text = i >= 5 ? "; color: #fff" : "";
    return `.matrix .${name}${i + 1} { background: rgb(${rgb} / ${(i + 1) * 9}%)${text}; }`;
  }).join("\n");
}

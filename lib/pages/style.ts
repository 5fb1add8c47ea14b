/** The style sheet of every page: one column, figures side by side where there is room, legible in print. */
export const STYLE = `
:root { color-scheme: light; --line: #ddd; --soft: #666; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 24px 28px 60px; background: #fff; color: #1a1a1a;
  font: 15px/1.5 Inter, system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 0 0 8px; }
header p, section > p { color: var(--soft); margin: 0 0 12px; max-width: 80ch; overflow-wrap: anywhere; }
nav a { display: inline-block; margin: 0 14px 4px 0; color: #1f5fbf; text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { border-top: 1px solid var(--line); margin-top: 26px; padding-top: 18px; }
.figures { display: flex; flex-wrap: wrap; gap: 18px 26px; align-items: flex-start; }
figure { margin: 0; max-width: 100%; } figure svg, figure img { display: block; max-width: 100%; height: auto; }
figure svg text { font-family: Inter, system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
figcaption { color: var(--soft); font-size: 13px; margin-top: 4px; overflow-wrap: anywhere; }
.numbers { display: flex; flex-wrap: wrap; gap: 10px 34px; margin: 0 0 16px; }
.numbers div { min-width: 90px; } .numbers b { display: block; font-size: 22px; font-weight: 600; }
.numbers span { color: var(--soft); font-size: 13px; }
.wide { overflow-x: auto; margin: 0 0 14px; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 12px 3px 0; text-align: right; border-bottom: 1px solid #eee; white-space: nowrap; }
th { color: var(--soft); font-weight: 500; border-bottom-color: #bbb; }
th:first-child, td:first-child { text-align: left; }
caption { text-align: left; color: var(--soft); padding-bottom: 4px; }
details { margin: 8px 0 14px; } summary { cursor: pointer; color: #1f5fbf; }
@media print { section { break-inside: avoid; } nav { display: none; } }
`;

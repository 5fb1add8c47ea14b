export {
  type FigureOptions,
  figures,
  folded,
  keyFigures,
  type PictureOptions,
  paragraph,
  pictureFigure,
  svgFigure,
  tableOf,
} from "./elements.js";
export { type Html, html, raw } from "./html.js";
export { type Page, renderPage, type Section } from "./page.js";

export {
  colourKeys,
  compared,
  type FigureOptions,
  figures,
  folded,
  keyFigures,
  type MatrixOptions,
  matrixTable,
  note,
  type PictureOptions,
  paragraph,
  pictureFigure,
  preformatted,
  svgFigure,
  tableOf,
} from "./elements.js";
export { type Html, html, raw } from "./html.js";
export { type Page, renderPage, type Section } from "./page.js";

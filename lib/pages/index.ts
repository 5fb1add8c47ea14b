export {
  cardsOf,
  colourKeys,
  compared,
  type FigureOptions,
  figures,
  folded,
  type ImageOptions,
  imageFigure,
  keyFigures,
  type MatrixOptions,
  matrixTable,
  note,
  paragraph,
  preformatted,
  svgFigure,
  tableOf,
} from "./elements.js";
export { type Html, html, raw } from "./html.js";
export { type Page, renderPage, type Section } from "./page.js";
export { checkPageFile } from "./pageFile.js";

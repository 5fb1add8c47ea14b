import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import type { PathChoice } from "../backbones/efficientformerSupernet.js";

/** What replaces a MetaPath of the supernet. */
export type { PathChoice };

export type Widths = EfficientFormerSize["widths"];

/** A network of the supernet: the width of each stage and the choice of each MetaPath. The MB3D are the last blocks. */
export interface Architecture {
  readonly widths: Widths;
  /** For each of the four stages, in the order the image passes through them. */
  readonly paths: readonly (readonly PathChoice[])[];
}

/** The largest network: every MetaPath is a block, the last ones MB3D. */
export function architectureOf({ widths, depths, attentionBlocks }: EfficientFormerSize): Architecture {
  const blocks = depths.reduce((a, b) => a + b, 0);
  let index = 0;
  const kind = (): PathChoice => (index++ < blocks - attentionBlocks ? "MB4D" : "MB3D");
  return { widths, paths: depths.map((depth) => Array.from({ length: depth }, kind)) };
}

/** The same network as the size of an EfficientFormer's config: identities are left out. */
export function sizeOfArchitecture({ widths, paths }: Architecture): EfficientFormerSize {
  const [a, b, c, d] = paths.map((stage) => stage.filter((path) => path !== "identity").length);
  const attentionBlocks = paths.flat().filter((path) => path === "MB3D").length;
  return { widths, depths: [a!, b!, c!, d!], attentionBlocks };
}

/** A unique name: widths, then one letter per MetaPath: `4` for MB4D, `3` for MB3D, `-` for the identity. */
export const nameOf = ({ widths, paths }: Architecture): string =>
  `${widths.join("-")} ${paths.map((stage) => stage.map((path) => LETTERS[path]).join("")).join("/")}`;

const LETTERS: Readonly<Record<PathChoice, string>> = { MB4D: "4", MB3D: "3", identity: "-" };

/** The architecture with one MetaPath replaced. */
export function withPath(of: Architecture, stage: number, block: number, choice: PathChoice): Architecture {
  const paths = of.paths.map((list, i) => (i === stage ? list.map((path, j) => (j === block ? choice : path)) : list));
  return { ...of, paths };
}

/** The architecture with one stage of another width. */
export function withWidth(of: Architecture, stage: number, width: number): Architecture {
  const [a, b, c, d] = of.widths.map((own, i) => (i === stage ? width : own));
  return { ...of, widths: [a!, b!, c!, d!] };
}

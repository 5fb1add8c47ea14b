/**
 * A binary mask as run lengths in column-major order (COCO's): `counts` alternate zeros and ones, zeros first, and sum
 * to height · width.
 */
export interface Rle {
  readonly height: number;
  readonly width: number;
  readonly counts: Uint32Array;
}

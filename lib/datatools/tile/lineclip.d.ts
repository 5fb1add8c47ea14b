declare module "lineclip" {
  /** Sutherland–Hodgman clipping of a polygon to a box [xmin, ymin, xmax, ymax]. */
  export function clipPolygon(
    points: readonly (readonly [number, number])[],
    bbox: readonly [number, number, number, number],
  ): [number, number][];
}

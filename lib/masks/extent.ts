/** The box x1 y1 x2 y2 about the points of polygons. @param polygons each x0 y0 x1 y1 … */
export function polygonExtent(polygons: readonly (readonly number[])[]): [number, number, number, number] {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const polygon of polygons) {
    for (let i = 0; i < polygon.length; i += 2) {
      box[0] = Math.min(box[0], polygon[i]!);
      box[1] = Math.min(box[1], polygon[i + 1]!);
      box[2] = Math.max(box[2], polygon[i]!);
      box[3] = Math.max(box[3], polygon[i + 1]!);
    }
  }
  return box;
}

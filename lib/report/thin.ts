type Point = readonly [x: number, y: number];

/**
 * At most `most` points: means of equal numbers of consecutive ones. Values that are not finite are left out of their
 * mean; if there are no others, the mean is not finite either.
 */
export function thinned(points: readonly Point[], most: number): readonly Point[] {
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, i): Point => {
    const group = points.slice(Math.floor((i * points.length) / most), Math.floor(((i + 1) * points.length) / most));
    const finite = group.filter(([, y]) => Number.isFinite(y));
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    return [mean(group.map(([x]) => x)), mean(finite.map(([, y]) => y))];
  });
}

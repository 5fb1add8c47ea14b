/** 0.1234 → "12.3"; "–" where it is undefined (NaN, null, or COCO's −1). */
export function percent(value: number | null): string {
  return value === null || !(value >= 0) ? "–" : (100 * value).toFixed(1);
}

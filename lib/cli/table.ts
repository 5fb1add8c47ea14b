/** Rows as text in columns; the first column is left-aligned, the others right-aligned unless in `left`. */
export function table(rows: readonly (readonly string[])[], options: { readonly left?: boolean } = {}): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 || options.left ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Metrics with four decimals, one per line. */
export function metricsTable(metrics: Readonly<Record<string, number>>): string {
  return table(Object.entries(metrics).map(([name, value]) => [name, figure(value)]));
}

/** A metric with four decimals; "–" for an undefined one: NaN, or COCO's −1 where there is nothing to find. */
export function figure(value: number): string {
  return Number.isNaN(value) || value === -1 ? "–" : value.toFixed(4);
}

/** 3725 → "1 h 02 min"; 65 → "1 min 05 s"; 4.2 → "4 s". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const padded = (value: number) => String(value).padStart(2, "0");
  if (hours > 0) return `${hours} h ${padded(minutes)} min`;
  return minutes > 0 ? `${minutes} min ${padded(rest)} s` : `${rest} s`;
}

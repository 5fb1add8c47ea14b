/** "1 image", "2 images". @param many the plural, if it is not the word with an s */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${pick(n, one, many)}`;
}

/** The singular or plural form for a number: `pick(1, "has", "have")`. */
export function pick(n: number, one: string, many: string): string {
  return n === 1 ? one : many;
}

/** Runs up to `atOnce` pieces of work at once; the others wait, first come, first served. */
export function takingTurns(atOnce: number): <R>(work: () => Promise<R>) => Promise<R> {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift(); // it takes over this turn
      if (next === undefined) free++;
      else next();
    }
  };
}

export interface BatchOptions<In, Item, Out> {
  /** Items of a batch, at most. */
  readonly size: number;
  /** Makes an item ready. @param index from 0 */
  readonly read: (item: In, index: number) => Promise<Item>;
  /** Answers a batch, of one item at least. */
  readonly answer: (batch: readonly Item[]) => Promise<readonly Out[]>;
}

/**
 * The answers to what an iterable gives, in its order. While one batch is answered the next is gathered, and no more: so
 * many items are in memory as two batches have, however many there are.
 *
 * @throws what the iterable, `read` and `answer` throw, after the answers to the items before
 */
export async function* inBatches<In, Item, Out>(
  items: Iterable<In> | AsyncIterable<In>,
  { size, read, answer }: BatchOptions<In, Item, Out>,
): AsyncGenerator<Out, void, undefined> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let index = 0;
  let isOver = false;
  let failure: { readonly error: unknown } | undefined;
  /** Never rejects, because nothing may await it yet. */
  const gather = async (): Promise<Item[]> => {
    const batch: Item[] = [];
    try {
      while (batch.length < size && !isOver && failure === undefined) {
        const { done, value } = await iterator.next();
        if (done === true) isOver = true;
        else batch.push(await read(value, index++));
      }
    } catch (error) {
      failure = { error };
    }
    return batch;
  };
  try {
    for (let next = gather(); ; ) {
      const batch = await next;
      if (batch.length === 0) break;
      next = gather();
      yield* await answer(batch);
    }
    if (failure !== undefined) throw failure.error;
  } finally {
    // Not awaited: the iterable may be waiting for something that never comes.
    if (!isOver) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

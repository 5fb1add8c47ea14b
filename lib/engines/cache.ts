/** Things made for a key, such as programs for a shape: at most `capacity` are kept, the least recently used is disposed of. */
export class Cache<T extends { dispose(): Promise<void> }> {
  private readonly entries = new Map<string, Promise<T>>();

  constructor(private readonly capacity: number) {}

  /** The entry of the key; made if there is none. A failed making is not kept. */
  async get(key: string, make: () => Promise<T>): Promise<T> {
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = make();
      entry.catch(() => this.entries.delete(key));
    } else {
      this.entries.delete(key); // set anew below, as the most recently used
    }
    this.entries.set(key, entry);
    for (const [oldest, value] of this.entries) {
      if (this.entries.size <= this.capacity) break;
      this.entries.delete(oldest);
      await (await value).dispose();
    }
    return entry;
  }

  async dispose(): Promise<void> {
    const all = [...this.entries.values()];
    this.entries.clear();
    for (const entry of all) await (await entry).dispose();
  }
}

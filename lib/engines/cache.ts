interface Disposable {
  dispose(): Promise<void>;
}

interface Entry<T> {
  readonly key: string;
  readonly thing: Promise<T>;
  /** The number of current users: it is disposed of when there are none. */
  users: number;
}

/**
 * Things made for a key, such as programs for a shape: at most `capacity` exist at a time, including those being made.
 * When one more is requested, the least recently used is disposed of, or the request waits until one is no longer in
 * use.
 */
export class Cache<T extends Disposable> {
  private readonly entries = new Map<string, Entry<T>>();
  private leaving = 0;
  private closed = false;
  private waiting: (() => void)[] = [];

  constructor(private readonly capacity: number) {}

  /**
   * Runs work with the thing for a key, made if there is none; it stays alive until the work is done. A failure to make
   * it is not kept, and only rejects the requests for that key.
   */
  async use<R>(key: string, make: () => Promise<T>, work: (thing: T) => R | Promise<R>): Promise<R> {
    const entry = await this.take(key, make);
    try {
      return await work(await entry.thing);
    } finally {
      this.release(entry);
    }
  }

  /** The thing for the key, which stays alive until others are requested: for callers that use one after the other. */
  async get(key: string, make: () => Promise<T>): Promise<T> {
    return this.use(key, make, (thing) => thing);
  }

  /** Disposes of everything; things in use as soon as they no longer are. Nothing can be requested afterwards. */
  async dispose(): Promise<void> {
    this.closed = true;
    this.wake();
    while (this.entries.size > 0 || this.leaving > 0) {
      const idle = this.idle();
      if (idle.length === 0) await this.change();
      else for (const entry of idle) await this.remove(entry);
    }
  }

  private async take(key: string, make: () => Promise<T>): Promise<Entry<T>> {
    for (;;) {
      if (this.closed) throw new Error(`asked for ${key} after the cache was disposed`);
      const found = this.entries.get(key);
      if (found !== undefined) {
        this.entries.delete(key); // set again, as the most recently used
        this.entries.set(key, found);
        found.users++;
        return found;
      }
      if (this.entries.size + this.leaving < this.capacity) return this.add(key, make);
      const idle = this.leaving > 0 ? undefined : this.idle()[0];
      await (idle === undefined ? this.change() : this.remove(idle));
    }
  }

  /** The least recently used first. */
  private idle(): Entry<T>[] {
    return Array.from(this.entries.values()).filter(({ users }) => users === 0);
  }

  private add(key: string, make: () => Promise<T>): Entry<T> {
    const entry = { key, thing: make(), users: 1 };
    this.entries.set(key, entry);
    entry.thing.catch(() => {
      if (this.entries.get(key) === entry) this.entries.delete(key);
      this.wake();
    });
    return entry;
  }

  /** A failure to dispose does not concern those waiting for room. */
  private async remove({ key, thing }: Entry<T>): Promise<void> {
    this.entries.delete(key);
    this.leaving++;
    await thing.then((value) => value.dispose()).catch(() => undefined);
    this.leaving--;
    this.wake();
  }

  private release(entry: Entry<T>): void {
    entry.users--;
    this.wake();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

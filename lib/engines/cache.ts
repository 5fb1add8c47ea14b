interface Disposable {
  dispose(): Promise<void>;
}

interface Entry<T> {
  readonly key: string;
  readonly thing: Promise<T>;
  /** How many use it now: it is disposed of when nobody does. */
  users: number;
}

/**
 * Things made for a key, such as programs for a shape: at most `capacity` live at a time, those being made among them. Where
 * one more is asked for, the least recently used goes, or whoever asks waits until one is no longer used.
 */
export class Cache<T extends Disposable> {
  private readonly entries = new Map<string, Entry<T>>();
  private leaving = 0;
  private closed = false;
  private waiting: (() => void)[] = [];

  constructor(private readonly capacity: number) {}

  /**
   * Does work with the thing of a key, made if there is none; it lives until the work is done. A failed making is not kept,
   * and is the failure of those alone who asked for that key.
   */
  async use<R>(key: string, make: () => Promise<T>, work: (thing: T) => R | Promise<R>): Promise<R> {
    const entry = await this.take(key, make);
    try {
      return await work(await entry.thing);
    } finally {
      this.release(entry);
    }
  }

  /** The thing of the key, which lives until others are asked for: for those who use one after the other. */
  async get(key: string, make: () => Promise<T>): Promise<T> {
    return this.use(key, make, (thing) => thing);
  }

  /** Disposes of everything, of what is in use as soon as it no longer is. Nothing can be asked for afterwards. */
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
        this.entries.delete(key); // set anew, as the most recently used
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

  /** How an end fails is not the business of whoever waits for room. */
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

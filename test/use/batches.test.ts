import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { inBatches } from "../../lib/use/batches.js";

describe("answers to an iterable in batches", () => {
  const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
    const all: T[] = [];
    for await (const item of items) all.push(item);
    return all;
  };

  for (const size of [1, 3]) {
    it(`come in order, and no more than two batches of ${size} are in memory`, async () => {
      let [inMemory, most] = [0, 0];
      const sizes: number[] = [];
      async function* numbers() {
        for (let i = 0; i < 8; i++) {
          await pause(i % 2);
          yield i;
        }
      }
      const answers = inBatches(numbers(), {
        size,
        read: async (i, index) => {
          most = Math.max(most, ++inMemory);
          return { i, index };
        },
        answer: async (batch) => {
          sizes.push(batch.length);
          await pause(3);
          inMemory -= batch.length;
          return batch.map(({ i, index }) => `${i} ${index}`);
        },
      });
      expect(await collect(answers)).to.deep.equal(Array.from({ length: 8 }, (_, i) => `${i} ${i}`));
      expect(sizes).to.deep.equal(size === 1 ? Array(8).fill(1) : [3, 3, 2]);
      expect(most).to.be.at.most(2 * size);
    });
  }

  it("end with a failure, after the answers to what came before it", async () => {
    const seen: number[] = [];
    const failing = inBatches([0, 1, 2, 3], {
      size: 2,
      read: async (i) => {
        if (i === 3) throw new Error("the third");
        return i;
      },
      answer: async (batch) => batch,
    });
    const end = (async () => {
      for await (const i of failing) seen.push(i);
    })();
    expect(await end.catch((error: Error) => error.message)).to.equal("the third");
    expect(seen).to.deep.equal([0, 1, 2]);
  });

  it("end the iterable when nobody wants more", async () => {
    let ended = false;
    function* endless() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        ended = true;
      }
    }
    for await (const i of inBatches(endless(), { size: 2, read: async (i) => i, answer: async (batch) => batch })) {
      if (i === 2) break;
    }
    expect(ended).to.equal(true);
  });
});

import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { checkedImage } from "../../lib/use/readInput.js";
import { takingTurns } from "../../lib/use/turns.js";
import { userMessage } from "../support/failure.js";

describe("images given to a model as data", () => {
  it("are RGB, or RGBA whose alpha is dropped", () => {
    const rgb = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    expect(checkedImage(rgb)).to.deep.equal(rgb);
    expect(checkedImage({ ...rgb, data: Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 255) })).to.deep.equal(rgb);
    expect(checkedImage({ ...rgb, data: Uint8ClampedArray.from(rgb.data) })).to.deep.equal(rgb);
  });

  const needed =
    "the image: a path, an address, the bytes of a file, a Blob, or { width, height, data } is needed, not ";
  const faults: [what: string, given: unknown, message: string][] = [
    [
      "too few bytes",
      { width: 4, height: 4, data: new Uint8Array(3) },
      "the image: 4 × 4 pixels of RGB are 48 bytes (RGBA 64), but data has 3",
    ],
    [
      "floats",
      { width: 4, height: 4, data: new Float32Array(48) },
      "the image: data must be a Uint8Array of RGB values of 0 to 255, not a value of the type Float32Array",
    ],
    [
      "no size",
      { width: 0, height: 1.5, data: new Uint8Array(3) },
      "the image: width and height must be whole numbers of at least 1, not 0 and 1.5",
    ],
    ["an empty object", {}, `${needed}a value of the type Object`],
    ["null", null, `${needed}null`],
    ["a number", 7, `${needed}7`],
  ];
  for (const [what, given, message] of faults) {
    it(`are refused: ${what}`, async () => {
      expect(await userMessage(() => checkedImage(given))).to.equal(message);
    });
  }
});

describe("taking turns", () => {
  it("lets a limited number work at once, in order of arrival, and continues after a failure", async () => {
    const turns = takingTurns(2);
    const begun: number[] = [];
    let working = 0;
    const work = (i: number) =>
      turns(async () => {
        begun.push(i);
        expect(++working).to.be.at.most(2);
        await pause(2);
        working--;
        if (i === 3) throw new Error("the third");
        return i;
      });
    const ends = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => work(i)));
    expect(begun).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(ends.map(({ status }) => status === "fulfilled")).to.deep.equal(begun.map((i) => i !== 3));
  });
});

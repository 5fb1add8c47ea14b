import { expect } from "chai";
import { ratio } from "../../../lib/profile/measure.js";
import { type Compared, sentenceOf } from "../../../lib/profile/observations/sentence.js";

/** Ten rounds with these ratios of one time to the other. */
const sample = (name: string, times: readonly number[], paper?: "slower"): Compared => {
  const first = [10, 20, 11, 13, 15, 30, 12, 18, 14, 16];
  const ms = first.map((one, round) => one * times[round % times.length]!);
  return { name, paper, ratio: ratio({ ms }, { ms: first }) };
};

describe("profile/observations/sentence", () => {
  it("gives ratios to the first with their intervals", () => {
    const others = [sample("GELU", [1.3, 1.34, 1.32, 1.31, 1.33]), sample("SiLU", [1.1])];
    expect(sentenceOf("ReLU", others, 0.1)).to.equal(
      "GELU takes 1.32 times (1.30–1.34) as long as ReLU, SiLU 1.10 times (1.10–1.10).",
    );
  });

  it("says whether variants that the paper finds slower are slower here", () => {
    const slower = sample("one 16 × 16 convolution", [2], "slower");
    const faster = sample("a linear layer", [0.5], "slower");
    const alike = sample("group norm", [0.96, 1.04, 1.02, 0.98], "slower");
    expect(sentenceOf("a stem", [slower], 0.1)).to.equal(
      "One 16 × 16 convolution takes 2.00 times (2.00–2.00) as long as a stem; slower, as in the paper.",
    );
    expect(sentenceOf("a stem", [faster], 0.1)).to.match(/a stem; not slower by 5 %, unlike in the paper\.$/);
    expect(sentenceOf("a stem", [alike], 0.1)).to.match(
      / as long as a stem; not slower by 5 %, unlike in the paper\.$/,
    );
    const hardly = sample("a switch", [1.02, 1.03, 1.04], "slower");
    expect(sentenceOf("a stem", [hardly], 0.1)).to.match(
      / as long as a stem; not slower by 5 %, unlike in the paper\.$/,
    );
    expect(sentenceOf("a stem", [slower, faster], 0.1)).to.match(
      /, a linear layer .*; slower in part, as in the paper\.$/,
    );
  });

  it("gives no number and no verdict if the machine was too noisy for the interval asked for", () => {
    const noisy = sample("hard-swish", [0.5, 1.5, 0.7, 1.3, 1], "slower");
    const found = sentenceOf("ReLU", [noisy], 0.1);
    expect(found).to.equal(
      "The machine is too noisy for hard-swish (± 50 %): ± 10 % was asked for, 10 rounds were made.",
    );
    const both = sentenceOf("ReLU", [noisy, sample("GELU", [1.3], "slower")], 0.02);
    expect(both).to.equal(
      "GELU takes 1.30 times (1.30–1.30) as long as ReLU; the machine is too noisy for hard-swish (± 50 %): ± 2.0 % was asked for, 10 rounds were made.",
    );
  });
});

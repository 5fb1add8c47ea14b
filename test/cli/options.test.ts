import { expect } from "chai";
import { InvalidArgumentError } from "commander";
import { parseSize, parseWhole } from "../../lib/cli/options.js";
import { checkSettings, type ExportSettings } from "../../lib/export/settings.js";

const messageOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

describe("options of the command line", () => {
  it("a whole number is written in digits, and has a maximum", () => {
    expect(parseWhole("12")).to.equal(12);
    expect(parseWhole("2147483647")).to.equal(2 ** 31 - 1);
    for (const text of ["", "0", "-1", "1e2", "0x10", "1.5", "NaN"]) {
      expect(
        messageOf(() => parseWhole(text)),
        text,
      ).to.equal("expected a whole number above 0");
    }
    for (const text of ["2147483648", "99999999999999999999"]) {
      expect(
        messageOf(() => parseWhole(text)),
        text,
      ).to.equal("it may be up to 2147483647");
    }
    expect(() => parseWhole("")).to.throw(InvalidArgumentError);
  });

  it("a size is a side, or height and width", () => {
    expect(parseSize("224")).to.deep.equal({ height: 224, width: 224 });
    expect(parseSize("800x1344")).to.deep.equal({ height: 800, width: 1344 });
    for (const text of ["", "x", "22x", "a", "1x2x3", "-1x2"]) {
      expect(
        messageOf(() => parseSize(text)),
        text,
      ).to.match(/^expected a side or HEIGHTxWIDTH in pixels/);
    }
    expect(messageOf(() => parseSize("0x5"))).to.equal("expected a whole number above 0");
    expect(messageOf(() => parseSize("99999999999999999999999x32"))).to.equal("it may be up to 2147483647");
  });
});

describe("the images of an exported model", () => {
  const rest = { part: "model", preprocess: false, postprocess: false, half: false } as const;
  const check = (settings: Pick<ExportSettings, "batch" | "size">) =>
    messageOf(() => checkSettings({ ...rest, ...settings }));

  it("have a maximum size, alone and in a batch", () => {
    expect(check({ batch: 1, size: { height: 800, width: 1344 } })).to.equal("");
    expect(check({ batch: "free", size: "free" })).to.equal("");
    const large = { height: 32000, width: 32000 };
    expect(check({ batch: 1, size: large })).to.equal("size 32000x32000: an image may have up to 40 million pixels");
    expect(check({ batch: "free", size: large })).to.contain("up to 40 million pixels");
    expect(check({ batch: 9007199254740991, size: { height: 96, width: 128 } })).to.equal(
      "batch 9007199254740991: of images of 96x128, a batch may hold up to 21845",
    );
  });
});

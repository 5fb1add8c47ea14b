import { expect } from "chai";
import fc from "fast-check";
import { bytesOfLatin1, textOfLatin1, textOfStrictUtf8, textOfUtf8 } from "../../lib/tensors/text.js";

describe("text in files", () => {
  it("in latin1 is read and written like Node, however long", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 20_000, size: "max" }), (bytes) => {
        const text = textOfLatin1(bytes);
        expect(text).to.equal(Buffer.from(bytes).toString("latin1"));
        expect([...bytesOfLatin1(text)]).to.deep.equal([...bytes]);
      }),
      { numRuns: 30 },
    );
  });

  it("in UTF-8 is read like Node; in strict mode it must be valid", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string({ unit: "binary" }).map((s) => Buffer.from(`\uFEFF${s}`)),
        ),
        (bytes) => {
          const text = Buffer.from(bytes).toString("utf8");
          expect(textOfUtf8(bytes)).to.equal(text);
          if (Buffer.from(text).equals(bytes)) expect(textOfStrictUtf8(bytes)).to.equal(text);
          else expect(() => textOfStrictUtf8(bytes)).to.throw(TypeError);
        },
      ),
    );
  });
});

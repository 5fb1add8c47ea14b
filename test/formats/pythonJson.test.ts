import { expect } from "chai";
import { parsePythonJson } from "../../lib/formats/pythonJson.js";

describe("JSON as Python writes it", () => {
  it("reads NaN and Infinity as infinite, and leaves strings alone", () => {
    const text = '{"a": [NaN, -Infinity, Infinity], "b": "NaN, \\"Infinity\\"", "c": [1]}';
    expect(parsePythonJson(text)).to.deep.equal({
      a: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
      b: 'NaN, "Infinity"',
      c: [1],
    });
  });

  it("throws where it is no JSON all the same", () => {
    for (const text of ["[NaN", "[1,]", "NaNs", '"NaN'])
      expect(() => parsePythonJson(text), text).to.throw(SyntaxError);
  });
});

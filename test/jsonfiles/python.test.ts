import { expect } from "chai";
import { parsePythonJson } from "../../lib/jsonfiles/python.js";

describe("JSON as Python writes it", () => {
  it("reads NaN and Infinity as numbers, and leaves strings alone", () => {
    const text = '{"a": [NaN, -Infinity, Infinity], "b": "NaN, \\"Infinity\\"", "c": [1, "NaN"], "NaN!": {"d": NaN}}';
    expect(parsePythonJson(text)).to.deep.equal({
      a: [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
      b: 'NaN, "Infinity"',
      c: [1, "NaN"],
      "NaN!": { d: Number.NaN },
    });
  });

  it("refuses excessive nesting, not counting brackets in strings", () => {
    const nested = (depth: number, inner = "1") => `${"[".repeat(depth)}${inner}${"]".repeat(depth)}`;
    const deep = [nested(201), `${'{"a":'.repeat(201)}1${"}".repeat(201)}`, nested(201, "NaN"), "[".repeat(1_000_000)];
    for (const text of deep)
      expect(() => parsePythonJson(text)).to.throw(SyntaxError, "nested more than 200 levels deep");
    const texts = `["${"[".repeat(300)}", "\\\\", "\\"${"{".repeat(300)}"]`;
    expect(parsePythonJson(texts)).to.deep.equal(["[".repeat(300), "\\", `"${"{".repeat(300)}`]);
    expect(JSON.stringify(parsePythonJson(nested(200)))).to.equal(nested(200));
  });

  it("throws for other invalid JSON", () => {
    for (const text of ["[NaN", "[1,]", "NaNs", '"NaN'])
      expect(() => parsePythonJson(text), text).to.throw(SyntaxError);
  });
});

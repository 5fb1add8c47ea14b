import { expect } from "chai";
import { additionsMade, addTo } from "../../lib/schemas/kinds.js";

describe("additions to tables", () => {
  it("are removed once: a second call leaves the others", () => {
    const entries: string[] = [];
    const before = additionsMade();
    const removeFirst = addTo(entries, "a");
    addTo(entries, "b");
    removeFirst();
    removeFirst();
    expect(entries).to.deep.equal(["b"]);
    expect(additionsMade() - before).to.equal(3);
  });
});

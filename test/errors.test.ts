import { expect } from "chai";
import { UserError } from "../lib/errors.js";

describe("users' errors", () => {
  it("have a limited length, even if they name something longer", () => {
    const name = "x".repeat(3_000_000);
    const { message } = new UserError(`a.json: ${name}: no such class\nmend it`);
    const [first, second] = message.split("\n");
    expect(first)
      .to.have.length(2003)
      .and.match(/^a\.json: x+ … x+: no such class$/);
    expect(second).to.equal("mend it");
    const most = "y".repeat(2000);
    expect(new UserError(`${most}\n${most}`).message).to.equal(`${most}\n${most}`);
  });
});

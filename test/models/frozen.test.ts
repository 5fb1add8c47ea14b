import { expect } from "chai";
import { matcherOf } from "../../lib/models/frozen.js";
import { userMessage } from "../support/failure.js";

const NAMES = [
  "backbone.stem.0.weight",
  "backbone.stages.1.bn.weight",
  "backbone.stages.1.bn.bias",
  "neck.lateral.weight",
];

describe("patterns of frozen parameters", () => {
  const matched = (...patterns: string[]) => NAMES.filter(matcherOf(patterns, NAMES));

  it("match whole names: * any text, ? a character, everything else itself", () => {
    expect(matched()).to.deep.equal([]);
    expect(matched("backbone.*")).to.deep.equal(NAMES.slice(0, 3));
    expect(matched("*.bn.*", "neck.*")).to.deep.equal(NAMES.slice(1));
    expect(matched("backbone.stem.?.weight")).to.deep.equal(NAMES.slice(0, 1));
    expect(matched("*")).to.deep.equal(NAMES);
    expect(matched("neck.lateral.weight")).to.deep.equal(NAMES.slice(3));
  });

  const refused = (pattern: string) => userMessage(async () => matcherOf([pattern], NAMES));

  it("that match none are errors with the nearest names", async () => {
    const begin = (pattern: string) => `training.frozen: no parameter's name matches "${pattern}"; `;
    expect(await refused("backbon.*")).to.equal(`${begin("backbon.*")}did you mean "backbone.*"?`);
    expect(await refused("backbone")).to.equal(`${begin("backbone")}did you mean "backbone.*"?`);
    expect(await refused("neck.lateral.weigth")).to.equal(
      `${begin("neck.lateral.weigth")}did you mean "neck.lateral.weight"?`,
    );
    expect(await refused("backbone.stages.1.bm.*")).to.equal(
      `${begin("backbone.stages.1.bm.*")}did you mean "backbone.stages.1.bn.*"?`,
    );
    expect(await refused("(a|b)+$")).to.equal(`${begin("(a|b)+$")}names begin with backbone, neck`);
  });

  it("cannot keep the process busy", async () => {
    const started = process.cpuUsage().user;
    await refused(`${"*a".repeat(240)}b`).catch(() => undefined);
    expect(process.cpuUsage(undefined).user - started).to.be.lessThan(5e6);
    expect(await refused("a".repeat(501))).to.equal("training.frozen: a pattern has 501 characters");
  });
});

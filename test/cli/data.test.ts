import { expect } from "chai";
import { run } from "./support.js";

describe("densekit data", () => {
  it("has help with examples for every command", async () => {
    const top = await run(["data", "--help"]);
    expect(top).to.include({ code: 0, stderr: "" });
    for (const name of ["check", "stats", "show", "convert", "split", "tile"]) {
      expect(top.stdout).to.match(new RegExp(`^  ${name} `, "m"));
      const { code, stdout, stderr } = await run(["data", name, "--help"]);
      expect({ code, stderr }, name).to.deep.equal({ code: 0, stderr: "" });
      expect(stdout, name)
        .to.match(new RegExp(`Examples:\n  \\$ densekit data ${name} `))
        .and.contain("--json");
    }
  });

  it("explains what is no command of its", async () => {
    for (const [args, message] of [
      [["data"], /Usage: densekit data/],
      [["data", "chek"], /unknown command 'chek'\s+\(Did you mean check/],
      [["data", "split", "--annotations", "a.json"], /required option '--out <folder>' not specified/],
      [["data", "tile", "--out", "x"], /which data set\?/],
      [["data", "tile", "--out", "x", "--size", "big"], /It must be such as 1024 or 1024x768/],
      [["data", "show", "--out", "x.png", "--count", "0"], /It must be a whole number from 1/],
    ] as const) {
      const { code, stdout, stderr } = await run(args);
      expect({ code, stdout }, args.join(" ")).to.deep.equal({ code: 2, stdout: "" });
      expect(stderr).to.match(message);
    }
  });
});

import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { makeShapes } from "../support/shapes.js";
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

  it("explains an unknown command", async () => {
    for (const [args, message] of [
      [["data"], /Usage: densekit data/],
      [["data", "chek"], /unknown command 'chek'\s+\(Did you mean check/],
      [["data", "split", "--annotations", "a.json"], /required option '--out <folder>' not specified/],
      [["data", "tile", "--out", "x"], /which data set\?/],
      [["data", "tile", "--out", "x", "--size", "big"], /Expected a size such as 1024 or 1024x768/],
      [["data", "show", "--out", "x.png", "--count", "0"], /expected a whole number above 0/],
      [["data", "convert", "x", "--from", "voc", "--reduce-zero-label", "--out", "y"], /is for --from masks/],
      [
        ["data", "check", "--annotations", "a", "--images", "b", "--classes", "c", "--object-info", "d"],
        /--classes and --object-info both give the class names; leave one out/,
      ],
    ] as const) {
      const { code, stdout, stderr } = await run(args);
      expect({ code, stdout }, args.join(" ")).to.deep.equal({ code: 2, stdout: "" });
      expect(stderr).to.match(message);
    }
  });

  it("takes class names from a table for COCO files too", async () => {
    const data = await makeShapes(2);
    try {
      const [table, converted] = [join(data.folder, "table.txt"), join(data.folder, "converted")];
      await writeFile(table, "Idx\tName\n1\tsquare\n2\tcircle\n");
      const paths = ["--annotations", data.annotations, "--images", data.images];
      const { code, stdout } = await run(["data", "check", ...paths, "--object-info", table]);
      expect(code).to.equal(1);
      expect(stdout).to.contain('"circle"');
      const from = ["data", "convert", data.annotations, "--from", "coco", "--images", data.images, "--to", "yolo"];
      const outcome = await run([...from, "--object-info", table, "--out", converted]);
      expect(outcome).to.include({ code: 1 });
      expect(outcome.stderr).to.contain('"circle"');
    } finally {
      await rm(data.folder, { recursive: true });
    }
  });
});

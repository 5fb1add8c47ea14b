import { spawn } from "node:child_process";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { OutputFolder } from "../lib/outputFolder.js";
import { RECORD_FILE } from "../lib/outputRecord.js";
import { userMessage } from "./support/failure.js";

describe("a folder that a command fills", () => {
  let root = "";
  let folder = "";
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "densekit-output-"));
    folder = join(root, "a/out");
  });
  afterEach(() => rm(root, { recursive: true }));

  const NAMES = ["list.json", "images/"];
  const claim = (more: object = {}) => OutputFolder.claim({ maker: "cut", folder, names: NAMES, ...more });
  const fill = async (files: readonly string[], more: object = {}, inputs: readonly string[] = []) => {
    const output = await claim(more);
    return output.fill(inputs, async () => {
      for (const file of files) expect(await output.write(file, file)).to.equal(join(folder, file));
    });
  };
  const files = async (): Promise<string[]> =>
    (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .filter((name) => name !== RECORD_FILE)
      .sort();

  it("is filled once, and again only with force, which replaces everything the command wrote", async () => {
    await fill(["list.json", "images/a/1.png", "images/2.png"]);
    expect(await userMessage(() => fill(["x"]))).to.equal(
      `${join(folder, "list.json")}: already exists; choose another path, or overwrite it with --force`,
    );
    await fill(["images/2.png", "images/b/3.png"], { force: true });
    expect(await files()).to.deep.equal(["images/2.png", "images/b/3.png"]);
    expect(await readdir(join(folder, "images"))).to.deep.equal(["2.png", "b"]);
    // Files of an earlier run with other names are the command's too.
    expect(await userMessage(() => fill(["y.json"], { names: ["y.json"] }))).to.contain("images/2.png: already exists");
    await fill(["y.json"], { names: ["y.json"], force: true });
    expect(await files()).to.deep.equal(["y.json"]);
  });

  it("keeps files of other commands and users, and refuses to mix with it", async () => {
    await fill(["list.json", "images/1.png"]);
    await fill(["other.json"], { maker: "paint", names: ["other.json"] });
    await writeFile(join(folder, "notes.txt"), "mine");
    await writeFile(join(folder, "images/.DS_Store"), "");
    await fill(["images/2.png"], { force: true });
    const kept = ["images/.DS_Store", "images/2.png", "notes.txt", "other.json"];
    expect(await files()).to.deep.equal(kept);
    const refusal = (name: string, maker = "cut") =>
      `${join(folder, name)}: ${maker} did not write this, and --force replaces only what it wrote before; move it, or choose another folder`;
    await mkdir(join(folder, "images/deep"));
    await writeFile(join(folder, "images/deep/mine.png"), "mine");
    expect(await userMessage(() => fill(["images/3.png"], { force: true }))).to.equal(refusal("images/deep/mine.png"));
    expect(await userMessage(() => fill(["other.json"], { names: ["other.json"], force: true }))).to.equal(
      refusal("other.json"),
    );
    expect(await userMessage(() => fill(["x"], { maker: "crop", names: ["/"], force: true }))).to.equal(
      refusal("images/2.png", "crop"),
    );
    expect(await files()).to.deep.equal([...kept, "images/deep/mine.png"].sort());
  });

  it("reports what cannot become its file or folder before writing anything", async () => {
    await mkdir(folder, { recursive: true });
    for (const [name, make] of [
      ["images", (path: string) => writeFile(path, "")],
      ["images", (path: string) => symlink(join(root, "nowhere"), path)],
      ["list.json", (path: string) => mkdir(path)],
    ] as const) {
      const path = join(folder, name);
      await make(path);
      expect(await userMessage(() => claim())).to.equal(
        `${path}: already exists; choose another path, or overwrite it with --force`,
      );
      expect(await userMessage(() => claim({ force: true }))).to.match(/(images|list\.json): cut did not write this, /);
      await rm(path, { recursive: true });
    }
    await rm(folder, { recursive: true });
    await writeFile(folder, "");
    expect(await userMessage(() => claim({ force: true }))).to.equal(
      `cannot write ${folder}: it is a file, not a folder`,
    );
  });

  it("is unchanged if the work fails, and absent if it was absent", async () => {
    const failing = (more: object) =>
      claim(more).then((output) =>
        output.fill([], async () => {
          await output.write("images/9.png", "");
          throw new Error("enough");
        }),
      );
    expect(await failing({}).catch((error: Error) => error.message)).to.equal("enough");
    expect(await readdir(root)).to.deep.equal([]);
    await fill(["images/1.png"]);
    const before = await readdir(folder);
    expect(await failing({ force: true }).catch((error: Error) => error.message)).to.equal("enough");
    expect(await files()).to.deep.equal(["images/1.png"]);
    expect(await readdir(folder)).to.deep.equal(before);
  });

  it("never deletes the command's input, by whatever path", async () => {
    await fill(["images/1.png", "images/2.png"]);
    await symlink(folder, join(root, "link"));
    const input = join(root, "link/images/2.png");
    expect(await userMessage(() => fill(["images/3.png"], { force: true }, [input]))).to.equal(
      `${join(folder, "images/2.png")}: cut wrote this and now reads it, so that --force would delete its own input; choose another folder`,
    );
    expect(await files()).to.deep.equal(["images/1.png", "images/2.png"]);
  });

  it("ignores records that lead elsewhere", async () => {
    await fill(["images/1.png"]);
    await writeFile(join(root, "mine.txt"), "mine");
    const line = (file: string) => `${JSON.stringify({ by: "cut", file })}\n`;
    await appendFile(
      join(folder, RECORD_FILE),
      `${line("../../mine.txt")}${line(join(root, "mine.txt"))}no line\n{}\n`,
    );
    await fill(["images/2.png"], { force: true });
    expect(await files()).to.deep.equal(["images/2.png"]);
    expect(await readFile(join(root, "mine.txt"), "utf8")).to.equal("mine");
    await rename(join(folder, "images"), join(root, "elsewhere"));
    await symlink(join(root, "elsewhere"), join(folder, "images"));
    expect(await userMessage(() => fill(["images/3.png"], { force: true }))).to.contain(
      "images/2.png: cut did not write",
    );
  });

  it("is cleared of what killed processes left, but not of living processes' files", async () => {
    await mkdir(folder, { recursive: true });
    const child = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => child.on("exit", resolve));
    const staging = (pid: number | undefined) => `.densekit-staging-${hostname()}-${pid}-0a1b2c3d`;
    for (const pid of [child.pid, process.pid]) await mkdir(join(folder, staging(pid)));
    await fill(["images/1.png"]);
    expect((await readdir(folder)).sort()).to.deep.equal([RECORD_FILE, staging(process.pid), "images"].sort());
    expect(await userMessage(() => fill(["x"], { names: ["/"] }))).to.match(/out: already exists/);
    await rm(join(folder, "images"), { recursive: true });
    await fill(["x"], { names: ["/"] }); // hidden files are not data
  });

  it("written directly has each file at once, and is the command's even if that is killed", async () => {
    const output = await claim({ straight: true });
    await output.begin([]);
    await output.write("images/1.png", "1");
    expect(await files()).to.deep.equal(["images/1.png"]);
    const again = await claim({ straight: true, force: true }); // as after a kill: nothing was placed
    await again.begin([]);
    await again.write("images/2.png", "2");
    expect(await files()).to.deep.equal(
      ["images/1.png", ...(await files()).filter((name) => name.startsWith("."))].sort(),
    );
    await again.place();
    expect(await files()).to.deep.equal(["images/2.png"]);
  });
});

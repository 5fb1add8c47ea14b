import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { isRunLocked, LOCK_FILE, lockRun } from "../../lib/runs/lock.js";
import { userMessage } from "../support/failure.js";

describe("a run's lock", () => {
  let run: string;
  let path: string;
  beforeEach(() => {
    run = mkdtempSync(join(tmpdir(), "densekit-lock-"));
    path = join(run, LOCK_FILE);
  });
  afterEach(() => rmSync(run, { recursive: true }));
  const write = (holder: object) =>
    writeFileSync(path, JSON.stringify({ since: "2026-01-01T00:00:00.000Z", id: "other", ...holder }));
  const deadProcess = () => spawnSync(process.execPath, ["--version"]).pid;

  it("keeps others out until it is released", async () => {
    const lock = await lockRun(run);
    const message = await userMessage(() => lockRun(run));
    expect(message).to.match(
      new RegExp(
        `^${run}: process ${process.pid} on ${hostname()}, since .*, trains in this folder; wait until it ends`,
      ),
    );
    expect(message).to.contain(`If nothing trains there, delete ${path}`);
    await lock.release();
    expect(readdirSync(run)).to.deep.equal([]);
    await (await lockRun(run)).release();
  });

  it("also works against another living process", async () => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    try {
      write({ pid: child.pid, host: hostname() });
      expect(await userMessage(() => lockRun(run))).to.contain(`process ${child.pid} on`);
    } finally {
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    }
    await (await lockRun(run)).release();
  });

  it("of a dead process is taken over", async () => {
    write({ pid: deadProcess(), host: hostname() });
    const lock = await lockRun(run);
    expect(JSON.parse(readFileSync(path, "utf8")).pid).to.equal(process.pid);
    await lock.release();
    expect(existsSync(path)).to.equal(false);
  });

  it("of a dead process whose id another process has now is taken over, if the system tells them apart", async function () {
    if (process.platform !== "linux") this.skip();
    write({ pid: process.pid, host: hostname(), process: "another boot/1" });
    await (await lockRun(run)).release();
  });

  it("of another machine is taken over if it is no longer renewed", async () => {
    write({ pid: 1, host: "elsewhere" });
    expect(await userMessage(() => lockRun(run))).to.contain("process 1 on elsewhere");
    const old = new Date(Date.now() - 6 * 60_000);
    utimesSync(path, old, old);
    await (await lockRun(run)).release();
  });

  it("that was not written completely is taken over if it is not new", async () => {
    writeFileSync(path, "");
    expect(await userMessage(() => lockRun(run))).to.contain("another process trains in this folder");
    const old = new Date(Date.now() - 3000);
    utimesSync(path, old, old);
    await (await lockRun(run)).release();
  });

  it("is refused where its place is taken by what nobody would release", async () => {
    const waysIn: readonly (() => void)[] = [
      () => mkdirSync(path),
      () => symlinkSync("nowhere", path),
      ...(process.platform === "win32" ? [] : [() => void spawnSync("mkfifo", [path])]),
    ];
    for (const place of waysIn) {
      place();
      expect(await userMessage(() => lockRun(run))).to.equal(
        `cannot lock ${path}: it is in the way and no file; remove it`,
      );
      expect(await isRunLocked(run)).to.equal(false);
      rmSync(path, { recursive: true });
    }
  });

  it("is taken over even if a process was killed while taking over", async () => {
    write({ pid: deadProcess(), host: hostname() });
    const guard = join(run, `.${LOCK_FILE}.guard`);
    writeFileSync(guard, "");
    const old = new Date(Date.now() - 6000);
    utimesSync(guard, old, old);
    await (await lockRun(run)).release();
    expect(readdirSync(run)).to.deep.equal([]);
  });

  it("goes to one process if many find a dead one's at once", async () => {
    write({ pid: deadProcess(), host: hostname() });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => lockRun(run)));
    const locks = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(locks).to.have.length(1);
    await locks[0]?.release();
    expect(readdirSync(run)).to.deep.equal([]);
  });

  it("is not released if it is another's by now", async () => {
    const lock = await lockRun(run);
    write({ pid: 1, host: "elsewhere" });
    await lock.release();
    expect(existsSync(path)).to.equal(true);
  });
});

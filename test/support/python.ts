import { spawnSync } from "node:child_process";
import { expect } from "chai";

/** The interpreter that DENSEKIT_PYTHON names; skips the running test if it is unset or lacks a module. */
export function requirePython(context: Mocha.Context, modules: readonly string[]): string {
  const python = process.env.DENSEKIT_PYTHON;
  const lacking = (): boolean =>
    spawnSync(python!, ["-c", modules.map((name) => `import ${name}`).join("\n")]).status !== 0;
  if (python === undefined || python === "" || lacking()) {
    console.warn(`      skipped: DENSEKIT_PYTHON does not name a Python with ${modules.join(", ")}`);
    context.skip();
  }
  return python;
}

/** Gives a script one JSON job per line and reads one JSON answer per line. */
export function askPython<Job, Answer>(python: string, script: string, jobs: readonly Job[]): Answer[] {
  const input = jobs.map((job) => JSON.stringify(job)).join("\n");
  const run = spawnSync(python, ["-c", script], { input, encoding: "utf8", maxBuffer: 2 ** 30 });
  expect(run.status, run.stderr).to.equal(0);
  const answers = run.stdout.trim().split("\n");
  expect(answers).to.have.length(jobs.length);
  return answers.map((answer) => JSON.parse(answer) as Answer);
}

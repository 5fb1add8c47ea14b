import { expect } from "chai";
import { type Api, api } from "../../lib/cli/api.js";
import { type Outcome, run } from "./support.js";

/** Lines that report progress, not faults. */
const PROGRESS =
  /^(training \d|cutting \d+ images? into |step \d+(\/| {2})|(validating|evaluating|predicting|reading|counting) \d+\/\d+$|the config differs from |compiling; |data check: | {2}(error|warning) )/;

/**
 * Runs a command that must fail because of a user's mistake: an exit code, nothing on stdout, no stack, and a single line
 * after the progress.
 *
 * @returns that line
 */
export async function refused(
  args: readonly string[],
  { code = 1, with: given = api }: { readonly code?: number; readonly with?: Api } = {},
): Promise<string> {
  const outcome = await run(args, { api: given });
  return onlyMessage(outcome, code);
}

/** The single message of a command that failed. */
export function onlyMessage({ code, stdout, stderr }: Outcome, expected = 1): string {
  expect({ code, stdout }, stderr).to.deep.equal({ code: expected, stdout: "" });
  expect(stderr).to.not.match(/unexpected error|^ +at |DENSEKIT_DEBUG/m);
  const messages = stderr
    .trimEnd()
    .split("\n")
    .filter((line) => !PROGRESS.test(line));
  expect(messages, stderr).to.have.length(1);
  expect(stderr.trimEnd().endsWith(messages[0]!), stderr).to.equal(true);
  return messages[0]!;
}

/** Runs a command that must succeed. */
export async function accepted(args: readonly string[]): Promise<Outcome> {
  const outcome = await run(args, { api });
  expect(outcome.code, outcome.stderr).to.equal(0);
  return outcome;
}

/** `--set` for each override. */
export const set = (...overrides: string[]): string[] => overrides.flatMap((override) => ["--set", override]);

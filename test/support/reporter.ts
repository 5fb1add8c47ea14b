import Mocha from "mocha";

/** Mocha's dots and failures, with a last line for other programs: `N passed, N failed, N skipped`. */
function reporter(runner: Mocha.Runner, options: Mocha.MochaOptions): void {
  new Mocha.reporters.Dot(runner, options);
  runner.once("end", () => {
    const { passes, failures, pending } = runner.stats ?? { passes: 0, failures: 0, pending: 0 };
    process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
  });
}

// Mocha looks for a reporter under this name.
export { reporter as default };

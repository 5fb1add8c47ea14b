import { constants } from "node:os";

/** Why the process stops: a signal. */
export class Interruption extends Error {
  override readonly name = "AbortError";

  constructor(readonly signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
  }

  /** As in shells: 130 after Ctrl-C (SIGINT), 143 after SIGTERM. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal];
  }
}

/** The exit code of a command that was stopped. */
export function exitCodeOf({ reason }: AbortSignal): number {
  return reason instanceof Interruption ? reason.exitCode : new Interruption("SIGINT").exitCode;
}

export interface Signals {
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Whether SIGUSR1 was received since the last call. */
  saveWanted(): boolean;
}

/**
 * Listens to the system's signals. Ctrl-C and SIGTERM (docker stop, systemd, Slurm) ask the work to stop, a second one ends the
 * process at once; SIGUSR1 asks for a checkpoint.
 */
export function listenToSignals(say: (text: string) => void): Signals {
  const controller = new AbortController();
  let isWanted = false;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      const interruption = new Interruption(name);
      if (controller.signal.aborted) process.exit(interruption.exitCode);
      say(name === "SIGINT" ? "\nstopping; press Ctrl-C again to stop at once\n" : "stopping (SIGTERM)\n");
      controller.abort(interruption);
    });
  }
  process.on("SIGUSR1", () => {
    isWanted = true;
  });
  return {
    signal: controller.signal,
    saveWanted() {
      const was = isWanted;
      isWanted = false;
      return was;
    },
  };
}

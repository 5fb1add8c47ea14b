#!/usr/bin/env node
import { claimProcess } from "../process.js";
import { api } from "./api.js";
import { openTerminal } from "./ask.js";
import { runCli } from "./run.js";
import { listenToSignals } from "./signals.js";

claimProcess();

// A reader that closes early, such as `head`, is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const signals = listenToSignals((text) => void process.stderr.write(text));

const terminal = openTerminal(signals.signal);

process.exitCode = await runCli(process.argv.slice(2), {
  api,
  stdin: process.stdin,
  stdout: (text) => process.stdout.write(text),
  stderr: process.stderr,
  ...(process.stdin.isTTY && process.stderr.isTTY && { ask: terminal.ask }),
  ...signals,
});
terminal.close();

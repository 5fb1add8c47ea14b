#!/usr/bin/env node
import { api } from "./api.js";
import { runCli } from "./run.js";

const controller = new AbortController();
process.on("SIGINT", () => {
  if (controller.signal.aborted) process.exit(130); // a second Ctrl-C does not wait
  process.stderr.write("\nstopping; press Ctrl-C again to stop at once\n");
  controller.abort();
});
// A reader that closes early, such as `head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  api,
  stdout: (text) => process.stdout.write(text),
  stderr: process.stderr,
  signal: controller.signal,
});

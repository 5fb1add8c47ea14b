import { claimProcess } from "../../lib/process.js";

// The suite's process is densekit's own, like the command line's; test/package/host.test.ts checks other programs' processes.
claimProcess();

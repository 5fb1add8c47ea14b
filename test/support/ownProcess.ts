import { claimProcess } from "../../lib/process.js";

// The suite's process is densekit's own, as the command line's is; what others find in theirs, test/package/host.test.ts asks.
claimProcess();

import { writeFileSync } from "node:fs";
import { askPython } from "../../support/python.js";
import { randomTideJob, TIDE_FIXTURES, TIDE_SCRIPT, type TideAnswer, type TideJob } from "./tide.js";

// Records results of the Python package tidecv 1.0.1: DENSEKIT_PYTHON=python node dist/test/metrics/coco/recordTide.js
const jobs = [3, 8, 13, 18, 23, 28, 31, 34].map(randomTideJob);
const answers = askPython<TideJob, TideAnswer | null>(process.env.DENSEKIT_PYTHON ?? "python3", TIDE_SCRIPT, jobs);
const records = jobs.map((job, i) => JSON.stringify({ job, answer: answers[i] }));
writeFileSync(TIDE_FIXTURES, `[\n${records.join(",\n")}\n]\n`);

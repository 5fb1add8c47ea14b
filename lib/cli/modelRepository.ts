import type { Command } from "commander";
import { type Context, printResult, type SharedOptions } from "./context.js";
import { createCommand, parseWhole } from "./options.js";

interface ModelRepositoryFlags extends SharedOptions {
  readonly out: string;
  readonly name?: string;
  readonly modelVersion?: number;
  readonly maxBatch?: number;
  readonly maxDelay?: number;
  readonly force?: true;
}

export function modelRepositoryCommand(context: Context): Command {
  const examples = [
    "model-repository my.onnx --out models",
    "model-repository my.onnx --out models --name detector --max-batch 16 --max-delay 5000",
  ];
  return createCommand(
    "model-repository",
    "Put an exported model into a repository for NVIDIA Triton and KServe",
    examples,
  )
    .argument("<model>", "an ONNX file from densekit export; with a free batch, requests are batched")
    .requiredOption("--out <folder>", "the repository; the model becomes a folder in it")
    .option("--name <name>", "the model's name; default its file's")
    .option("--model-version <n>", "version of the model; default 1", parseWhole)
    .option("--max-batch <n>", "largest batch of requests; default 8", parseWhole)
    .option("--max-delay <microseconds>", "how long a request may wait for others; default 2000", parseWhole)
    .option("--force", "overwrite what is there")
    .action(async (model: string, flags: ModelRepositoryFlags) => {
      const { out, name, modelVersion: version, maxBatch, maxDelay, force } = flags;
      const result = await context.api.writeModelRepository({
        model,
        out,
        ...(name !== undefined && { name }),
        ...(version !== undefined && { version }),
        ...(maxBatch !== undefined && { maxBatch }),
        ...(maxDelay !== undefined && { maxDelay }),
        force: force === true,
      });
      const batches = result.maxBatch === 0 ? "its batch is fixed" : `batches of up to ${result.maxBatch}`;
      printResult(context, flags, result, () => `wrote ${result.folder} (${batches})`);
    });
}

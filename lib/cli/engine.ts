import { Command } from "commander";
import type { InstallResult } from "../engines/tfjs/install.js";
import { type Context, printResult, type SharedOptions } from "./context.js";
import { createCommand, exampleText } from "./options.js";

interface InstallFlags extends SharedOptions {
  readonly force?: true;
}

/** `densekit engine …`: what engines need beyond the npm packages. */
export function engineCommand(context: Context): Command {
  const examples = ["engine install tensorflow", "engine install tensorflow --force"];
  const tensorflow = createCommand("tensorflow", "TensorFlow's C library for the tfjs engine, from PyPI", examples)
    .option("--force", "rebuild it even if it is there")
    .action(async (flags: InstallFlags) => {
      const { signal, stderr } = context;
      const onEvent = ({ text }: { readonly text: string }) => void stderr.write(`${text}\n`);
      const result = await context.api.installTensorFlow({ force: flags.force === true, signal, onEvent });
      printResult(context, flags, result, () => describe(result));
    });
  const install = new Command("install")
    .description("Fetch and build an engine's native library")
    .addCommand(tensorflow);
  return new Command("engine")
    .description("Fetch and build what an engine needs")
    .addCommand(install.addHelpText("after", `\n${exampleText(examples)}`))
    .addHelpText("after", `\n${exampleText(examples)}`);
}

function describe({ folder, tensorflow, tfjsNode, built, bytes }: InstallResult): string {
  const what = `TensorFlow ${tensorflow} for @tensorflow/tfjs-node ${tfjsNode}`;
  const where = `${folder} (${(bytes / 1e6).toFixed(0)} MB)`;
  return `${what} ${built ? "was built" : "was already there, and is intact"}: ${where}\nUse it with --set engine.type=tfjs`;
}

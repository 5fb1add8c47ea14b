import type { Api, EvaluateOptions, PredictOptions, TrainOptions } from "../../lib/cli/api.js";
import type { Context } from "../../lib/cli/context.js";
import { dataApi } from "../../lib/cli/data/api.js";
import { evaluationApi } from "../../lib/cli/evaluation/api.js";
import { runCli } from "../../lib/cli/run.js";
import { slimApi } from "../../lib/cli/slim/api.js";
import { weightsApi } from "../../lib/cli/weights/api.js";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Calls {
  readonly train: TrainOptions[];
  readonly evaluate: EvaluateOptions[];
  readonly predict: PredictOptions[];
}

/** An API that records its calls and returns `answers`, or fails for other calls. */
export function recordingApi(answers: Partial<Api> = {}): { api: Api; calls: Calls } {
  const calls: Calls = { train: [], evaluate: [], predict: [] };
  const none = () => Promise.reject(new Error("no answer for this call"));
  const api: Api = {
    data: answers.data ?? dataApi,
    evaluation: answers.evaluation ?? evaluationApi,
    slim: answers.slim ?? slimApi,
    weights: answers.weights ?? weightsApi,
    train(options) {
      calls.train.push(options);
      return (answers.train ?? none)(options);
    },
    evaluate(options) {
      calls.evaluate.push(options);
      return (answers.evaluate ?? none)(options);
    },
    predictFiles(options) {
      calls.predict.push(options);
      return (answers.predictFiles ?? none)(options);
    },
    packModel: answers.packModel ?? none,
    profile: answers.profile ?? none,
    observe: answers.observe ?? none,
    exportModel: answers.exportModel ?? none,
    verifyModel: answers.verifyModel ?? none,
    writeModelRepository: answers.writeModelRepository ?? none,
    installTensorFlow: answers.installTensorFlow ?? none,
    report: answers.report ?? none,
  };
  return { api, calls };
}

/** Runs a command line and collects what it prints. */
export async function run(
  args: readonly string[],
  options: Partial<Pick<Context, "api" | "signal" | "stdin" | "ask">> = {},
): Promise<Outcome> {
  let [stdout, stderr] = ["", ""];
  const code = await runCli(args, {
    api: options.api ?? recordingApi().api,
    signal: options.signal ?? new AbortController().signal,
    ...(options.stdin !== undefined && { stdin: options.stdin }),
    ...(options.ask !== undefined && { ask: options.ask }),
    stdout: (text) => {
      stdout += text;
    },
    stderr: {
      isTTY: false,
      write: (text: string | Uint8Array) => {
        stderr += String(text);
        return true;
      },
    },
  });
  return { code, stdout, stderr };
}

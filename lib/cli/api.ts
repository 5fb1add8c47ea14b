import type { Config } from "../config/schema.js";
import type { InstallOptions, InstallResult } from "../engines/tfjs/install.js";
import type { ExportOptions, ExportResult } from "../export/exportModel.js";
import type { ModelRepositoryOptions, ModelRepositoryResult } from "../export/modelRepository.js";
import type { VerifyResult } from "../export/verify/result.js";
import type { VerifyOptions } from "../export/verify/verify.js";
import type { EvaluateOptions } from "../inference/evaluate.js";
import type { TrainingEvent } from "../loggers/events.js";
import type { ObserveOptions, ObserveResult } from "../profile/observations/types.js";
import type { ProfileOptions, ProfileResult } from "../profile/types.js";
import type { ReportOptions, ReportResult } from "../report/types.js";
import type { PackOptions, PackResult } from "../use/pack.js";
import type { PredictOptions, PredictResult } from "../use/predict.js";
import { type DataApi, dataApi } from "./data/api.js";
import { type EvaluationApi, evaluationApi } from "./evaluation/api.js";
import { type SlimApi, slimApi } from "./slim/api.js";
import { type WeightsApi, weightsApi } from "./weights/api.js";

/** What the commands call. Functions are loaded when a command needs them, so that `--help` needs no engine. */
export interface Api {
  train(options: TrainOptions): Promise<TrainResult>;
  evaluate(options: EvaluateOptions): Promise<EvaluateResult>;
  predictFiles(options: PredictOptions): Promise<PredictResult>;
  packModel(options: PackOptions): Promise<PackResult>;
  readonly data: DataApi;
  exportModel(options: ExportOptions): Promise<ExportResult>;
  verifyModel(options: VerifyOptions): Promise<VerifyResult>;
  writeModelRepository(options: ModelRepositoryOptions): Promise<ModelRepositoryResult>;
  installTensorFlow(options: InstallOptions): Promise<InstallResult>;
  readonly evaluation: EvaluationApi;
  profile(options: ProfileOptions): Promise<ProfileResult>;
  observe(options: ObserveOptions): Promise<ObserveResult>;
  report(options: ReportOptions): Promise<ReportResult>;
  readonly slim: SlimApi;
  readonly weights: WeightsApi;
}

/** What a command prints with --json; its `metrics`, if any, are also printed as a table. */
export interface Result {
  readonly metrics?: Readonly<Record<string, number>>;
}

export type { EvaluateOptions } from "../inference/evaluate.js";
export type { PredictOptions } from "../use/predict.js";

export interface TrainResult extends Result {
  /** Why training ended; without it, all steps were done. */
  readonly ended?: "steps" | "earlyStopping" | "hook";
}

export interface EvaluateResult extends Result {
  /** The folder written into. */
  readonly output: string;
}

export interface TrainOptions {
  readonly config: Config;
  /** Continue from the newest checkpoint in the output folder. */
  readonly resume: boolean;
  /** Begin again, deleting the existing run. */
  readonly restart: boolean;
  readonly saveWanted: () => boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TrainingEvent) => void;
}

/** The real functions. */
export const api: Api = {
  data: dataApi,
  evaluation: evaluationApi,
  slim: slimApi,
  weights: weightsApi,
  async train(options) {
    const { train } = await import("../slimming/train.js");
    return train(options);
  },
  async evaluate(options) {
    const { evaluate } = await import("../inference/evaluate.js");
    return evaluate(options);
  },
  async predictFiles(options) {
    const { predictFiles } = await import("../use/predict.js");
    return predictFiles(options);
  },
  async packModel(options) {
    const { packModel } = await import("../use/pack.js");
    return packModel(options);
  },
  async exportModel(options) {
    const { exportModel } = await import("../export/exportModel.js");
    return exportModel(options);
  },
  async verifyModel(options) {
    const { verifyModel } = await import("../export/verify/verify.js");
    return verifyModel(options);
  },
  async writeModelRepository(options) {
    const { writeModelRepository } = await import("../export/modelRepository.js");
    return writeModelRepository(options);
  },
  async installTensorFlow(options) {
    const { installTensorFlow } = await import("../engines/tfjs/install.js");
    return installTensorFlow(options);
  },
  async profile(options) {
    const { profile } = await import("../profile/profile.js");
    return profile(options);
  },
  async observe(options) {
    const { observe } = await import("../profile/observations/observe.js");
    return observe(options);
  },
  async report(options) {
    const { report } = await import("../report/report.js");
    return report(options);
  },
};

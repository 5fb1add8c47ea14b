import type { Config } from "../config/schema.js";
import type { OperatingPoint } from "../metrics/coco/operatingPoints.js";
import type { EvaluationType } from "../metrics/coco/tables.js";
import type { ProgressEvent } from "../progress.js";
import type { ClassMetrics } from "../tasks/task.js";

/** The run that `report` explains, and the page it writes. */
export interface ReportOptions {
  /** A run's folder. */
  readonly run: string;
  /** The HTML file; default report.html in the run's folder. */
  readonly out?: string;
  /** Overwrite a file that `out` names. */
  readonly force?: boolean;
  /** `a.b.c=value` to override the run's config, such as where the data is now. */
  readonly overrides?: readonly string[];
  /** Evaluate the best weights if there are no stored results or only older ones. Default true. */
  readonly evaluate?: boolean;
  /** Whether confusions and worst images are judged by boxes or masks; default masks if the model has them. */
  readonly type?: EvaluationType;
  /** The smallest overlap at which an object counts as found. Default 0.5. */
  readonly iouThreshold?: number;
  /** Detections below it are left out of confusions and images. Default the one with the best F1. */
  readonly scoreThreshold?: number;
  /** How many of the worst images are shown. Default 8. */
  readonly worst?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** Counts by true class (rows) and predicted class (columns). */
export interface ReportedConfusion {
  readonly classes: readonly string[];
  readonly counts: readonly (readonly number[])[];
}

/** The cost of the errors of one kind; see `errorBreakdown`. */
export interface ReportedErrors {
  readonly ap: number;
  readonly errors: readonly { readonly kind: string; readonly count: number; readonly deltaAp: number }[];
  readonly falsePositives: number;
  readonly falseNegatives: number;
}

export interface ReportedImage {
  readonly file: string;
  /** The measure the images are ranked by, 0 … 1: F1 of objects, mIoU of label maps. */
  readonly value: number;
}

/** What a report says about objects, besides their metrics. */
export interface DetectionReport {
  readonly type: EvaluationType;
  readonly iouThreshold: number;
  readonly operatingPoint: OperatingPoint;
  /** By type; see `errorBreakdown`. */
  readonly errors: Readonly<Partial<Record<EvaluationType, ReportedErrors>>>;
}

/** What the page of `report` says. */
export interface ReportResult {
  /** The HTML file. */
  readonly file: string;
  readonly run: string;
  readonly task: Config["task"];
  /** The evaluation's metrics, 0 … 1; empty if there was none. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly perClass: readonly ClassMetrics[];
  readonly detection?: DetectionReport;
  readonly confusion?: ReportedConfusion;
  /** The worst first. */
  readonly worst: readonly ReportedImage[];
  /** What the report lacks, and why. */
  readonly remarks: readonly string[];
}

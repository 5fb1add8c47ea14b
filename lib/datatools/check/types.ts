import type { FaultKind } from "../../datasets/fault.js";
import type { ProgressEvent } from "../../progress.js";
import type { DataSource } from "../../tasks/sources.js";

/** One thing that is wrong with a data set, or looks so. */
export interface Problem {
  /** An error stops training or makes its metrics wrong; a warning should be looked at. */
  readonly severity: "error" | "warning";
  readonly kind: FaultKind | "area" | "leakage" | "duplicate" | "unused" | "conversion";
  /** The name of the data set, such as "train". */
  readonly set: string;
  readonly file: string;
  /** The entry of the file, such as "annotation 7". */
  readonly entry?: string;
  readonly message: string;
}

export interface CheckedSet {
  readonly name: string;
  readonly images: number;
  /** For a COCO file. */
  readonly annotations?: number;
}

/** What `checkData` found. */
export interface CheckResult {
  readonly sets: readonly CheckedSet[];
  readonly errors: number;
  readonly warnings: number;
  /** Errors first, then warnings, the rarest kind first in each, then by file and entry. */
  readonly problems: readonly Problem[];
}

/** What `checkData` looks at. */
export interface CheckOptions {
  /** Two or more are also searched for shared images. A source without class names gets those of the first. */
  readonly sources: readonly DataSource[];
  /** False: images are not decoded; so sizes, damaged files and shared images are not found. Default true. */
  readonly pixels?: boolean;
  /** Training will read the annotation files immediately afterwards: keep them for it. Default false. */
  readonly handOver?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

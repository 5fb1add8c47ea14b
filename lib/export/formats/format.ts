import type { PortableOptions } from "../../compilers/onnx/portable.js";
import type { ModelFile } from "../../engines/modelFile.js";

/** What a format writes: the graph, and what is said about it. */
export type Exported = Omit<PortableOptions, "opset" | "version">;

/** What only some formats know. */
export interface FormatOptions {
  /** Of ONNX: the operator set. */
  readonly opset?: number;
  /** Of TF.js: kernels stored as bytes. */
  readonly uint8?: boolean;
}

/** A kind of file that models are exported to. What writes and runs it is loaded when it is used. */
export interface ExportFormat {
  /** Those of the options that it knows. */
  readonly options: readonly (keyof FormatOptions)[];
  /**
   * Contents by path; the path "" is the one file of a format whose models are single files.
   *
   * @throws UserError where it cannot hold such a model
   */
  write(exported: Exported, options: FormatOptions): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Opens what was written, to be run. @throws UserError when it cannot be read */
  open(path: string): Promise<ModelFile>;
  /** Whether a path is one of this format's, by its name. */
  matches(path: string): boolean;
}

import type { PortableOptions } from "../../compilers/onnx/portable.js";
import type { ModelFile } from "../../engines/modelFile.js";

/** What a format writes: the graph and its metadata. */
export type Exported = Omit<PortableOptions, "opset" | "version">;

/** Options that only some formats have. */
export interface FormatOptions {
  /** For ONNX: the operator set. */
  readonly opset?: number;
  /** For TF.js: kernels stored as bytes. */
  readonly uint8?: boolean;
}

/** A file format that models are exported to. The code that writes and runs it is loaded on use. */
export interface ExportFormat {
  /** The options that it has. */
  readonly options: readonly (keyof FormatOptions)[];
  /**
   * File contents by path; the path "" is the only file of a single-file format.
   *
   * @throws UserError when the format cannot represent the model
   */
  write(exported: Exported, options: FormatOptions): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Whether `open` takes a number of threads. */
  readonly threads: boolean;
  /** Opens a written model to run it. @throws UserError when it cannot be read */
  open(path: string, options?: { readonly threads?: number }): Promise<ModelFile>;
  /** The metadata of a written model. @throws UserError when it cannot be read */
  metadata(path: string): Promise<Readonly<Record<string, string>>>;
  /** Whether a path has this format, judged by its name. */
  matches(path: string): boolean;
}

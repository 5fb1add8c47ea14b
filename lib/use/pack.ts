import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { stringify } from "yaml";
import { portableConfig } from "../config/portable.js";
import type { Config } from "../config/schema.js";
import { refuseExisting } from "../files.js";
import { checkDescription, openWeights } from "../inference/weights.js";
import { toMetadata } from "../tasks/description.js";
import { kindOf } from "../tasks/kinds.js";
import { writeSafetensors } from "../tensorfiles/safetensors.js";
import { ownVersion } from "../version.js";
import { modelTensors } from "../weights/modelTensors.js";
import { CONFIG_KEY } from "./namedConfig.js";

/** What `packModel` puts into one file. */
export interface PackOptions {
  readonly config: Config;
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  /** The file to write. */
  readonly out: string;
  /** Overwrite an existing file. */
  readonly force?: boolean;
}

/** What `packModel` wrote. */
export interface PackResult {
  readonly out: string;
  /** The weights file that was packed. */
  readonly weights: string;
  readonly task: Config["task"];
  readonly classes: readonly string[];
  readonly tensors: number;
  readonly bytes: number;
}

/** Metadata of a run's best weights that is kept. */
const KEPT = ["metric", "value", "step"];

/**
 * Writes a model into one safetensors file: the tensors, with config and classes in its metadata. The config has no paths and
 * no data sets.
 *
 * @throws UserError when the weights cannot be read or are another model's, or a file is in the way
 */
export async function packModel({ config, weights: given, out, force }: PackOptions): Promise<PackResult> {
  refuseExisting([out], force);
  const file = await openWeights(given);
  try {
    checkDescription(file, config);
    const { description, parameters } = await kindOf(config).open(config, file.description, "val");
    const values = await file.read(parameters);
    await writeSafetensors(out, modelTensors(values), {
      ...Object.fromEntries(KEPT.flatMap((key) => (key in file.metadata ? [[key, file.metadata[key]!]] : []))),
      ...toMetadata(description),
      [CONFIG_KEY]: stringify(portableConfig(config)),
      "densekit.version": ownVersion(),
      format: "pt",
    });
    const { task, classes } = description;
    const { size: bytes } = await stat(out);
    return { out: resolve(out), weights: file.path, task, classes, tensors: parameters.length, bytes };
  } finally {
    await file.close();
  }
}

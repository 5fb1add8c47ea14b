import { localFile, type Watch } from "../hub/index.js";
import { openTensorFile } from "../tensorfiles/open.js";
import { elementCount } from "../tensors/tensor.js";
import type { OtherContent, StoredTensor } from "../tensors/tensorFile.js";
import { translate } from "./names.js";

/** The contents of a file of weights. */
export interface WeightsContents {
  readonly path: string;
  readonly format: string;
  /** The naming of the tensors in its largest part; null if it is unknown. */
  readonly naming: string | null;
  /** Numbers in all tensors together. */
  readonly elements: number;
  readonly bytes: number;
  /** In the order of the file. */
  readonly tensors: readonly StoredTensor[];
  /** What is not a readable tensor: settings, objects of unknown classes. */
  readonly others: readonly OtherContent[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ShowWeightsOptions extends Watch {
  /** A file's path, or its address. */
  readonly path: string;
}

/**
 * Lists a file of weights of any known format. Only names, types and shapes of the tensors are read.
 *
 * @throws UserError when it cannot be read
 */
export async function showWeights({ path, ...watch }: ShowWeightsOptions): Promise<WeightsContents> {
  const file = await openTensorFile(await localFile(path, watch));
  try {
    const { format, tensors, others, metadata } = file;
    return {
      path: file.path,
      format,
      naming: translate(largestGroup(tensors)).naming ?? null,
      elements: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      bytes: tensors.reduce((sum, tensor) => sum + tensor.bytes, 0),
      tensors,
      others,
      metadata,
    };
  } finally {
    await file.close();
  }
}

function largestGroup(tensors: readonly StoredTensor[]): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const { group, name } of tensors) {
    const key = group.join("\n");
    const names = groups.get(key);
    if (names === undefined) groups.set(key, [name]);
    else names.push(name);
  }
  return [...groups.values()].reduce<readonly string[]>(
    (best, names) => (names.length > best.length ? names : best),
    [],
  );
}

import type { ModelDescription } from "./description.js";
import type { Split } from "./sources.js";

export interface SplitsOptions<D> {
  /** The description of an existing model. */
  readonly given: ModelDescription | undefined;
  /** The split with the data set that describes the model if no description is given. */
  readonly teller: Split;
  /** @param known what is known of the classes at that point */
  open(split: Split, known?: ModelDescription): Promise<D>;
  describe(dataset: D): ModelDescription;
}

/** The data sets of a task, each read once: the one that described the model is not read again. */
export interface Splits<D> {
  readonly description: ModelDescription;
  /** The training set, if it has been read already: absent if the task was not opened for training. */
  readonly trained?: D;
  of(split: Split): Promise<D>;
}

export async function openSplits<D>({ given, teller, open, describe }: SplitsOptions<D>): Promise<Splits<D>> {
  if (given !== undefined) return { description: given, of: (split) => open(split, given) };
  const told = await open(teller);
  const description = describe(told);
  return {
    description,
    ...(teller === "train" && { trained: told }),
    of: async (split) => (split === teller ? told : open(split, description)),
  };
}

import type { ModelDescription } from "./description.js";
import type { Split } from "./sources.js";

export interface SplitsOptions<D> {
  /** Of a model there is already. */
  readonly given: ModelDescription | undefined;
  /** The split whose data set describes the model, where none is given. */
  readonly teller: Split;
  /** @param known what is known of the classes by then */
  open(split: Split, known?: ModelDescription): Promise<D>;
  describe(dataset: D): ModelDescription;
}

/** The data sets of a task, each read once: the one that described the model is not read again. */
export interface Splits<D> {
  readonly description: ModelDescription;
  /** The training set, if it has been read by now: absent of a task that is not opened to be trained. */
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

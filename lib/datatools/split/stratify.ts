import type { Random } from "../../random.js";

/** Images that stay together: one, or a group of neighbours. */
export interface Example {
  /** The number of images. */
  readonly size: number;
  /** Label → the number of these images that it occurs in. */
  readonly labels: ReadonlyMap<number, number>;
}

/**
 * Iterative stratification of examples with several labels each (Sechidis, Tsoumakas and Vlahavas 2011): the rarest
 * label first, its examples go one by one to the subset that most lacks this label, then images; ties are broken at
 * random. Groups count as many times as they have images, and the large ones go first, while the rest can still
 * compensate for them.
 *
 * @param shares of the subsets; they sum to 1
 * @param onRound called with the number of labels left, each time the rarest is looked for
 * @returns [examples] the subset of each
 */
export function stratify(
  examples: readonly Example[],
  shares: readonly number[],
  random: Random,
  onRound?: (labels: number) => void,
): Int32Array {
  const subsetOf = new Int32Array(examples.length).fill(-1);
  const total = examples.reduce((sum, { size }) => sum + size, 0);
  const wanted = shares.map((share) => share * total);
  const byLabel = new Map<number, Set<number>>();
  const left = new Map<number, number>(); // label → images not assigned yet
  for (const [i, { labels }] of examples.entries()) {
    for (const [label, count] of labels) {
      byLabel.set(label, (byLabel.get(label) ?? new Set()).add(i));
      left.set(label, (left.get(label) ?? 0) + count);
    }
  }
  const wantedOf = new Map(Array.from(left, ([label, count]) => [label, shares.map((share) => share * count)]));

  const give = (i: number, subset: number): void => {
    const { size, labels } = examples[i]!;
    subsetOf[i] = subset;
    wanted[subset]! -= size;
    for (const [label, count] of labels) {
      wantedOf.get(label)![subset]! -= count;
      const rest = left.get(label)! - count;
      if (rest > 0) left.set(label, rest);
      else left.delete(label);
      byLabel.get(label)!.delete(i);
    }
  };

  for (let label = rarest(left, random); label !== undefined; label = rarest(left, random)) {
    onRound?.(left.size);
    for (const i of inOrder([...byLabel.get(label)!], (k) => examples[k]!.labels.get(label!)!, random)) {
      const lacking = largest(wantedOf.get(label)!);
      const best =
        lacking.length === 1 ? lacking : lacking.filter((j) => lacking.every((k) => wanted[j]! >= wanted[k]!));
      give(i, best[random.integer(best.length)]!);
    }
  }
  const rest = Array.from(subsetOf.keys()).filter((i) => subsetOf[i] === -1);
  for (const i of inOrder(rest, (k) => examples[k]!.size, random)) {
    const best = largest(wanted);
    give(i, best[random.integer(best.length)]!);
  }
  return subsetOf;
}

/** A label with the fewest images left. */
function rarest(left: ReadonlyMap<number, number>, random: Random): number | undefined {
  let fewest = Number.POSITIVE_INFINITY;
  for (const count of left.values()) fewest = Math.min(fewest, count);
  const labels: number[] = [];
  for (const [label, count] of left) if (count === fewest) labels.push(label);
  return labels[random.integer(labels.length)];
}

/** Indices of the largest values; sums of fractions count as equal if they only differ by rounding. */
function largest(values: readonly number[]): number[] {
  const most = Math.max(...values);
  return Array.from(values.keys()).filter((i) => values[i]! > most - 1e-9);
}

/** Larger ones first, equal ones in random order. */
function inOrder(indices: number[], sizeOf: (index: number) => number, random: Random): number[] {
  return random.shuffle(indices).sort((a, b) => sizeOf(b) - sizeOf(a));
}

import type { DetectionConfig } from "../../config/schema.js";
import { type Draws, drawEpoch, repeatFactors } from "../../datasets/loader/draws.js";
import type { DetectionDataset } from "../../datasets/types.js";
import { UserError } from "../../errors.js";
import { Random } from "../../random.js";
import { counted } from "../../words.js";

type Keys = Pick<DetectionConfig["data"], "repeatThreshold" | "backgroundShare" | "train" | "dropEmpty">;

/** The classes of an image's objects, without crowds. */
function labelsOf({ source }: DetectionDataset, index: number): number[] {
  const { labels, crowd } = source(index).instances!;
  return Array.from(labels).filter((_, i) => crowd[i] === 0);
}

/** How many objects of each class a set has, without crowds. */
export function countObjects(dataset: DetectionDataset): number[] {
  const counts = new Array<number>(dataset.classes.length).fill(0);
  for (let i = 0; i < dataset.length; i++) for (const label of labelsOf(dataset, i)) counts[label]!++;
  return counts;
}

/**
 * How often a config has each image in an epoch, as an option of the loader, if it says anything of that.
 *
 * @throws UserError where there are no images that it wants
 */
export function imageDraws(dataset: DetectionDataset, data: Keys): { readonly draws?: Draws } {
  const { repeatThreshold, backgroundShare } = data;
  if (repeatThreshold === undefined && backgroundShare === undefined) return {};
  const labels = Array.from({ length: dataset.length }, (_, i) => labelsOf(dataset, i));
  const factors =
    repeatThreshold === undefined ? undefined : repeatFactors(labels, dataset.classes.length, repeatThreshold);
  const background =
    backgroundShare === undefined ? undefined : { share: backgroundShare, isBackground: empty(labels, data) };
  return {
    draws: {
      ...(factors !== undefined && { repeatFactors: factors }),
      ...(background !== undefined && { background }),
    },
  };
}

function empty(labels: readonly (readonly number[])[], { backgroundShare, train, dropEmpty }: Keys): Uint8Array {
  const isBackground = Uint8Array.from(labels, ({ length }) => (length === 0 ? 1 : 0));
  const count = isBackground.reduce((a, b) => a + b, 0);
  if (count === labels.length) {
    throw new UserError(`data.backgroundShare: no image of ${train.annotations} has an object`);
  }
  if (count > 0 || backgroundShare === 0) return isBackground;
  const reason = dropEmpty ? "data.dropEmpty leaves them out; set it to false" : "leave backgroundShare out";
  throw new UserError(
    `data.backgroundShare: ${backgroundShare} of an epoch are to be images without objects, but ${train.annotations} has none: ${reason}`,
  );
}

/** What that makes of an epoch, for the user. */
export function describeDraws({ classes, length }: DetectionDataset, draws: Draws | undefined): string | undefined {
  if (draws === undefined) return undefined;
  const { repeatFactors: factors, background } = draws;
  const all = Int32Array.from({ length }, (_, i) => i);
  const [epoch] = drawEpoch([all], draws, Random.of("described"));
  const most = factors === undefined ? 1 : factors.reduce((a, b) => Math.max(a, b), 1);
  const without = background && epoch!.reduce((sum, i) => sum + background.isBackground[i]!, 0);
  const parts = [
    `an epoch draws ${counted(epoch!.length, "image")} of ${length}`,
    ...(factors === undefined
      ? []
      : [
          `those of the rarest of the ${counted(classes.length, "class", "classes")} ${most.toFixed(2)} times on average`,
        ]),
    ...(without === undefined ? [] : [`${without} without objects`]),
  ];
  return parts.join(", ");
}

import { type Split, splitPlace } from "../config/paths.js";
import type { Config, DetectionConfig } from "../config/schema.js";
import { addedDataSet } from "../datasets/sets/index.js";
import type { ForeignSource } from "../formats/read.js";
import type { RegisteredSet } from "../formats/registered/items.js";

/** The data of a config whose annotations are not COCO's. */
export type ForeignData = Exclude<DetectionConfig["data"], { readonly type: "coco" }>;

/** A split of a config whose data set was added from outside; undefined for one of ours. */
export function registeredSet(config: Config, split: Split): RegisteredSet | undefined {
  const kind = addedDataSet(config.data);
  return kind && { kind, data: config.data, split, input: splitPlace(config, split) };
}

/** What its reader is told of a config's split. */
export function foreignSource(config: DetectionConfig, split: Split): ForeignSource {
  const registered = registeredSet(config, split);
  if (registered !== undefined) return { format: "registered", ...registered };
  const data = config.data as ForeignData;
  const nameOf = (option: string): string => nameInConfig(option, data, split);
  switch (data.type) {
    case "yolo": {
      const { annotations, limit: _, ...rest } = data[split];
      return { format: "yolo", input: annotations, ...rest, clip: data.clip, nameOf };
    }
    case "voc": {
      const { annotations, limit: _, ...rest } = data[split];
      const { corners, difficult } = data;
      return { format: "voc", input: annotations, ...rest, corners, difficult, nameOf };
    }
    case "labelme":
    case "cvat": {
      const { annotations, limit: _, ...rest } = data[split];
      return { format: data.type, input: annotations, ...rest, nameOf };
    }
    case "masks": {
      const { annotations, limit: _, ...rest } = data[split];
      const { layout, names, objectInfo, reduceZeroLabel, ignoreLabel, classDivisor, suffix, pattern, minArea } = data;
      return {
        format: "masks",
        input: annotations,
        ...rest,
        layout,
        reduceZeroLabel,
        ignoreLabel,
        suffix,
        minArea,
        ...(names !== undefined && { classes: names }),
        ...(objectInfo !== undefined && { objectInfo }),
        ...(classDivisor !== undefined && { classDivisor }),
        ...(pattern !== undefined && { pattern }),
        nameOf,
      };
    }
  }
}

/** The key of an option: `data.val.images`, or `data.clip`. */
function nameInConfig(option: string, data: ForeignData, split: Split): string {
  if (option === "classes") return "data.names"; // data.classes are those to learn
  const ofSplit = ["split", "images", "list", "classMaps"].includes(option) || option in data[split];
  return ofSplit ? `data.${split}.${option}` : `data.${option}`;
}

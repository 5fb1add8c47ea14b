import { UserError } from "../errors.js";
import { annotationsOf, type CocoSource, type DataSource, type LabelMapsSource } from "../tasks/sources.js";

/** A source with annotations located in the image. @throws UserError for images with one class as a whole */
export function denseSource(source: DataSource, command: string): CocoSource | LabelMapsSource {
  if (source.kind !== "imageLabels") return source;
  throw new UserError(
    `${annotationsOf(source)}: data ${command} is for objects and label maps, not for classification`,
    2,
  );
}

/** Which of COCO's other files an annotation is one of; undefined where it may be one of instances. */
export function otherKindOf(annotation: object): "panoptic file" | "file of captions" | undefined {
  if ("category_id" in annotation && "bbox" in annotation) return undefined;
  if ("segments_info" in annotation) return "panoptic file";
  return "caption" in annotation ? "file of captions" : undefined;
}

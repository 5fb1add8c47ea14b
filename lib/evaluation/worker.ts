import { answering, answerOf } from "../threads.js";
import * as coco from "./cocoWorkers.js";
import { type CountTask, countLabelMaps } from "./labelMapFiles.js";

export default answering({
  objects: (task: coco.ObjectsTask) => answerOf(() => coco.readObjects(task)),
  detections: (task: coco.DetectionsTask) => answerOf(() => coco.readDetections(task)),
  judge: (task: coco.JudgeTask) => answerOf(() => coco.judgePart(task)),
  labelMaps: (task: CountTask) => answerOf(() => countLabelMaps(task)),
});

import { answering, answerOf } from "../threads.js";
import { type CountTask, countLabelMaps } from "./labelMapFiles.js";
import * as tasks from "./tasks.js";

export default answering({
  objects: (task: tasks.ObjectsTask) => answerOf(() => tasks.readObjects(task)),
  detections: (task: tasks.DetectionsTask) => answerOf(() => tasks.readDetections(task)),
  judge: (task: tasks.JudgeTask) => answerOf(() => tasks.judgePart(task)),
  labelMaps: (task: CountTask) => answerOf(() => countLabelMaps(task)),
});

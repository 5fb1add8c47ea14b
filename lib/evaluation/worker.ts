import { answerOf } from "../threads.js";
import { type CountTask, countLabelMaps } from "./labelMapFiles.js";
import * as tasks from "./tasks.js";

export const objects = (task: tasks.ObjectsTask): Promise<object> => answerOf(() => tasks.readObjects(task));
export const detections = (task: tasks.DetectionsTask): Promise<object> => answerOf(() => tasks.readDetections(task));
export const judge = (task: tasks.JudgeTask): Promise<object> => answerOf(() => tasks.judgePart(task));
export const labelMaps = (task: CountTask): Promise<object> => answerOf(() => countLabelMaps(task));

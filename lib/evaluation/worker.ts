import { answerOf } from "../threads.js";
import * as tasks from "./tasks.js";

export const objects = (task: tasks.ObjectsTask): Promise<object> => answerOf(() => tasks.readObjects(task));
export const detections = (task: tasks.DetectionsTask): Promise<object> => answerOf(() => tasks.readDetections(task));
export const judge = (task: tasks.JudgeTask): Promise<object> => answerOf(() => tasks.judgePart(task));

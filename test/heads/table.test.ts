import { classifierConfig } from "../../lib/heads/classifier.js";
import { DETECTION_HEADS, SEGMENTATION_HEADS } from "../../lib/heads/index.js";
import { expectTableOf } from "../support/kinds.js";

/** Files of lib/heads with components of heads. */
const PARTS = ["boxHead.ts", "classLoss.ts", "ious.ts", "maskHead.ts", "rpnHead.ts", "segmentationHead.ts"];

it("the tables of heads have the files of their folder", () => {
  expectTableOf("heads", [...DETECTION_HEADS, ...SEGMENTATION_HEADS, { schema: classifierConfig() }], PARTS);
});

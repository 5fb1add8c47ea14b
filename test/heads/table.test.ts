import { classifierConfig } from "../../lib/heads/classifier.js";
import { DETECTION_HEADS, SEGMENTATION_HEADS } from "../../lib/heads/index.js";
import { CLASS_LOSSES } from "../../lib/heads/losses/index.js";
import { expectTableOf } from "../support/kinds.js";

/** Files of lib/heads with components of heads. */
const PARTS = ["boxHead.ts", "ious.ts", "maskHead.ts", "rpnHead.ts", "segmentationHead.ts", "losses"];

it("the tables of heads have the files of their folder", () => {
  expectTableOf(
    "heads",
    [...DETECTION_HEADS.map((schema) => ({ schema: schema() })), ...SEGMENTATION_HEADS, { schema: classifierConfig() }],
    PARTS,
  );
});

it("the table of class losses has the files of its folder", () => {
  expectTableOf("heads/losses", CLASS_LOSSES, ["keys.ts", "loss.ts"]);
});

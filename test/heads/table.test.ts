import { BOX_HEADS } from "../../lib/heads/boxHeads/index.js";
import { classifierConfig } from "../../lib/heads/classifier.js";
import { DETECTION_HEADS, SEGMENTATION_HEADS } from "../../lib/heads/index.js";
import { CLASS_LOSSES } from "../../lib/heads/losses/index.js";
import { MASK_HEADS } from "../../lib/heads/maskHeads/index.js";
import { expectTableOf } from "../support/kinds.js";

/** Files of lib/heads with components of heads. */
const PARTS = [
  "boxHead.ts",
  "ious.ts",
  "maskHead.ts",
  "rpnHead.ts",
  "roiHead.ts",
  "segmentationHead.ts",
  "boxHeads",
  "losses",
  "maskHeads",
];

it("the tables of heads have the files of their folder", () => {
  expectTableOf(
    "heads",
    [...DETECTION_HEADS.map((schema) => ({ schema: schema() })), ...SEGMENTATION_HEADS, { schema: classifierConfig() }],
    PARTS,
  );
});

it("the tables of box and mask heads have the files of their folders", () => {
  expectTableOf("heads/boxHeads", BOX_HEADS, []);
  expectTableOf("heads/maskHeads", MASK_HEADS, []);
});

it("the table of class losses has the files of its folder", () => {
  expectTableOf("heads/losses", CLASS_LOSSES, ["keys.ts", "loss.ts"]);
});

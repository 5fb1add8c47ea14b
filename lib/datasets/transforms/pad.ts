import { z } from "zod";
import { side } from "../../schemas/fields.js";
import { padSample } from "../geometry.js";
import { colour, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("pad"),
  width: side("At least"),
  height: side("At least"),
  fill: colour.exactOptional().describe("Red, green, blue of 0–255; without it, the ImageNet mean"),
});

/**
 * Pads at the right and bottom. A batch is padded anyway, with exact zeros after normalising; this is for steps that
 * need a larger image.
 */
export const pad = transform({ schema, apply: padSample });

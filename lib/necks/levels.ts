import { z } from "zod";
import { UserError } from "../errors.js";
import { count } from "../schemas/fields.js";
import { everySecond, neckKind } from "./neck.js";

const schema = z.strictObject({
  type: z.literal("levels"),
  channels: count("Channels of every level; must be those of the backbone's maps").default(256),
});

/** The backbone's maps as they are: for backbones that end in a pyramid of their own, such as ViTDet's (Li et al. 2022). */
export const levels = neckKind({
  schema,
  make: (_, { channels }, { inputs, extraLevel }) => {
    if (inputs.channels.some((width) => width !== channels)) {
      throw new UserError(
        `model.neck: levels needs maps of ${channels} channels, but this backbone's have ${inputs.channels.join(", ")}; ` +
          "set model.neck.type=fpn, or model.neck.channels to the backbone's",
      );
    }
    return {
      channels,
      strides: extraLevel ? [...inputs.strides, inputs.strides.at(-1)! * 2] : inputs.strides,
      forward: (maps) => (extraLevel ? [...maps, everySecond(maps.at(-1)!)] : [...maps]),
    };
  },
});

import type { ClassificationConfig } from "../../config/schema.js";
import { drawCaption } from "../../images/draw/caption.js";
import { classPalette } from "../../images/draw/palette.js";
import type { ClassScores } from "../../models/classifier/predictor.js";
import { overlayWriter, type PredictedImage, type PredictionsKind, refuseChoices } from "../predictions.js";
import { captionOf, foundClasses } from "./found.js";

/** How many of the likeliest classes are written. */
const WRITTEN = 5;

/** Overlays with the likeliest classes, and `classes.json` with those of each image. */
export const classificationPredictions: PredictionsKind<ClassificationConfig, ClassScores> = {
  outputs: ["classes.json"],
  choose(_, choices) {
    refuseChoices(choices, "classes of whole images, in classes.json");
    return {};
  },
  async writer({ description: { classes }, output, inputs }) {
    const palette = classPalette(classes.length);
    const overlays = output && overlayWriter(output, inputs);
    const images: PredictedImage[] = [];
    return {
      async write(input, image, scores) {
        const found = foundClasses(scores, classes).slice(0, WRITTEN);
        const { width, height } = image;
        const predicted = { input, width, height, id: images.length + 1, classes: found };
        if (overlays === undefined) return void images.push(predicted);
        const overlay = await overlays.write(input, drawCaption(image, captionOf(found, palette)));
        images.push({ ...predicted, overlay });
      },
      async finish() {
        const results = images.map(({ input, classes: found }) => ({ file: input, classes: found }));
        await output?.write("classes.json", `${JSON.stringify(results)}\n`);
        return { images };
      },
    };
  },
};

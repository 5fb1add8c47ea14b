import { registerTransform, transform, z } from "densekit/parts";

// In a module of its own: threads that read images import it, and must not run the program too.
const grain = transform({
  schema: z.strictObject({ type: z.literal("grain"), strength: z.number().positive().default(12) }),
  apply(sample, { strength }, random) {
    const data = sample.image.data.map((v) => Math.max(0, Math.min(255, v + strength * (2 * random.next() - 1))));
    return { ...sample, image: { ...sample.image, data } };
  },
});
registerTransform(grain, import.meta.url);

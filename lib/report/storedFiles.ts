import { dirname } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import { parseJson } from "../json.js";

// What `evaluate` writes, as it is read back: anybody may have changed it in between.

const count = z.int().min(0);
/** JSON has no NaN; it is written as null. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

export const storedMetrics = z.object({
  /** The weights file measured. */
  weights: z.string(),
  metrics: z.record(z.string(), figure),
  perClass: z
    .array(z.object({ name: z.string(), metrics: z.record(z.string(), z.number().nullable()) }))
    .min(1, "there are no classes"),
});

const confusion = z
  .object({
    classes: z.array(z.string()).min(1, "there are no classes"),
    /** Row by row: by true class, then predicted class. */
    counts: z.array(count),
    /** Of label maps: pixels without a class. */
    ignored: count.exactOptional(),
  })
  .refine(({ classes, counts }) => counts.length === classes.length ** 2, {
    error: ({ input }) => {
      const { classes, counts } = input as { classes: readonly string[]; counts: readonly number[] };
      return `there are ${counts.length} counts, but ${classes.length} classes have ${classes.length ** 2}`;
    },
  });

/** The counts of an evaluation by true class and predicted class, where they are those of the classes given. */
export const storedConfusion = (classes: readonly string[]) =>
  confusion
    .refine((found) => found.classes.join("\n") === classes.join("\n"), {
      message: "its classes are not those of metrics.json",
    })
    .transform(({ counts, ...rest }) => ({ ...rest, counts: Float64Array.from(counts) }));

/** Each image's own result. @param classes how many there are */
export const storedClassified = (classes: number) => {
  const label = count.max(classes - 1);
  return z.array(z.object({ file: z.string(), label, found: label, labelScore: figure, foundScore: figure }));
};

export const storedLabelMaps = z.array(
  z.object({ file: z.string(), mIoU: z.number().nullable(), aAcc: z.number().nullable() }),
);

/** @throws UserError naming the file, what is wrong with it and what to do, where it is not what `evaluate` writes */
export async function readStored<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
  const advice = `delete the folder ${dirname(path)} and report evaluates the run anew`;
  const text = await readTextFile(path, `the file is damaged: it is not UTF-8; ${advice}`);
  let content: unknown;
  try {
    content = parseJson(text);
  } catch {
    throw new UserError(`${path}: truncated or not JSON; ${advice}`);
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [{ path: where, message } = { path: [], message: "" }] = parsed.error.issues;
  const what = where.length === 0 ? message : `${where.join(".")}: ${message}`;
  throw new UserError(`${path}: not what evaluate writes: ${what}; ${advice}`);
}

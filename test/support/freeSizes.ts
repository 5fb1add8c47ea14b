/** A backbone with free batch and size, exported alone and without normalisation. */
export const FREE = {
  part: "backbone",
  batch: "free",
  size: "free",
  preprocess: false,
  postprocess: false,
  half: false,
} as const;

export const NORMALISATION = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** boxes[indices]: [n * 4] → [k * 4]. */
export function gatherBoxes(boxes: Float32Array, indices: Int32Array): Float32Array {
  const out = new Float32Array(indices.length * 4);
  indices.forEach((from, to) => {
    for (let j = 0; j < 4; j++) out[4 * to + j] = boxes[4 * from + j]!;
  });
  return out;
}

/** Indices of single objects, or of crowd regions: those whose flag equals `flag`. */
export function whereCrowd(crowd: Uint8Array, flag: 0 | 1): Int32Array {
  return Int32Array.from(crowd.keys()).filter((i) => crowd[i] === flag);
}

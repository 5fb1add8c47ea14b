// The counter-based generator of the golden fixtures: their weights and inputs are functions of a key (see the
// fixtures' README), so no weight file is needed.

export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

export function hash32(seed: number, i: number): number {
  let x = (Math.imul(i, 0x9e3779b9) + seed) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0xd35a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

export function uniform(key: string, length: number, low: number, high: number): Float32Array {
  const seed = fnv1a32(key);
  return Float32Array.from({ length }, (_, i) => low + (high - low) * ((hash32(seed, i) >>> 8) / 16777216));
}

export function integers(key: string, length: number, n: number): Int32Array {
  const seed = fnv1a32(key);
  return Int32Array.from({ length }, (_, i) => hash32(seed, i) % n);
}

/** The value of parameter `name` in a fixture, or undefined for structural buffers. */
export function parameterValue(
  prefix: string,
  name: string,
  shape: readonly number[],
  gain = 1,
): Float32Array | undefined {
  const range = parameterRange(name, shape, gain);
  if (range === undefined) return undefined;
  const length = shape.reduce((a, b) => a * b, 1);
  return uniform(`${prefix}:${name}`, length, range[0], range[1]);
}

function parameterRange(name: string, shape: readonly number[], gain: number): [number, number] | undefined {
  const last = name.slice(name.lastIndexOf(".") + 1);
  if (last === "running_mean") return [-0.2, 0.2];
  if (last === "running_var") return [0.5, 1.5];
  if (last.startsWith("layer_scale")) return [0.1, 1];
  if (last === "attention_biases" || last === "attention_biases_seg") return [-1, 1];
  if (last === "bias") return name.includes("talking_head") ? [-0.001, 0.001] : [-0.1, 0.1];
  if (last === "cls_token" || last === "dist_token" || last === "pos_embed") return [-0.5, 0.5];
  if (last !== "weight") return undefined;
  if (shape.length === 1) return [0.5, 1.5];
  const halved = name.endsWith("mlp.fc2.weight") || name.endsWith("proj.1.weight");
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
  const bound = Math.sqrt(3 / fanIn) * (halved ? gain * 0.5 : gain);
  return [-bound, bound];
}

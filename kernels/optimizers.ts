// AssemblyScript (a TypeScript dialect that compiles to WebAssembly), four float32 at a time. The passes over flat
// arrays of lib/training/optimizers.ts. All pointers are bytes; `bytes` is a multiple of 16.

/** AdamW on float32 as PyTorch computes it; the constants are `AdamWConstants` of lib/kernels/optimizers.ts. */
export function adamW(
  parameters: usize,
  gradients: usize,
  mean: usize,
  square: usize,
  bytes: usize,
  keep: f32,
  stepSize: f32,
  correction: f32,
  eps: f32,
  rise1: f32,
  beta2: f32,
  rise2: f32,
  gradientScale: f32,
): void {
  const keeps = f32x4.splat(keep);
  const steps = f32x4.splat(stepSize);
  const corrections = f32x4.splat(correction);
  const epsilons = f32x4.splat(eps);
  const rises1 = f32x4.splat(rise1);
  const betas2 = f32x4.splat(beta2);
  const rises2 = f32x4.splat(rise2);
  const scales = f32x4.splat(gradientScale);
  for (let i: usize = 0; i < bytes; i += 16) {
    const g = f32x4.mul(v128.load(gradients + i), scales);
    const before = v128.load(mean + i);
    const m = f32x4.add(before, f32x4.mul(f32x4.sub(g, before), rises1));
    const v = f32x4.add(f32x4.mul(v128.load(square + i), betas2), f32x4.mul(f32x4.mul(g, g), rises2));
    v128.store(mean + i, m);
    v128.store(square + i, v);
    const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(v), corrections), epsilons);
    const kept = f32x4.mul(v128.load(parameters + i), keeps);
    v128.store(parameters + i, f32x4.sub(kept, f32x4.div(f32x4.mul(m, steps), denominator)));
  }
}

/** The sum of squares of float32, in float64. */
export function sumOfSquares(values: usize, bytes: usize): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(values + i);
    const a = f64x2.promote_low_f32x4(x);
    const b = f64x2.promote_low_f32x4(i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

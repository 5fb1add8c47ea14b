// AssemblyScript (a TypeScript dialect that compiles to WebAssembly), sixteen float32 at a time; lib/weights/finite.ts calls it.

/**
 * Whether all numbers are finite. NaN and infinities have an exponent of ones, and only that carries into the sign bit when
 * one is added.
 *
 * @param values float32
 * @param bytes a multiple of 64
 */
export function isFiniteThroughout(values: usize, bytes: usize): bool {
  const exponent = i32x4.splat(0x7f800000);
  const lowest = i32x4.splat(0x00800000);
  let signs = i32x4.splat(0);
  for (const end = values + bytes; values < end; values += 64) {
    const a = i32x4.add(v128.and(v128.load(values), exponent), lowest);
    const b = i32x4.add(v128.and(v128.load(values, 16), exponent), lowest);
    const c = i32x4.add(v128.and(v128.load(values, 32), exponent), lowest);
    const d = i32x4.add(v128.and(v128.load(values, 48), exponent), lowest);
    signs = v128.or(signs, v128.or(v128.or(a, b), v128.or(c, d)));
  }
  return i32x4.bitmask(signs) === 0;
}

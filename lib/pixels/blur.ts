import type { Image } from "./image.js";

/** The weights of a Gaussian at whole distances −r … r, r being three standard deviations rounded up; they add up to 1. */
export function gaussianKernel(sigma: number): Float64Array {
  const radius = Math.ceil(3 * sigma);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = kernel.reduce((a, b) => a + b, 0);
  return kernel.map((weight) => weight / sum);
}

/** Blurred by a Gaussian, along rows and then along columns; the edge's pixels are repeated. @param sigma in pixels, above 0 */
export function blurImage({ width, height, data }: Image, sigma: number): Image {
  const kernel = gaussianKernel(sigma);
  const rows = convolved(Float32Array.from(data), kernel, { lines: height, length: width, line: 3 * width, step: 3 });
  const both = convolved(rows, kernel, { lines: width, length: height, line: 3, step: 3 * width });
  return { width, height, data: Uint8Array.from(both, Math.round) };
}

interface Lines {
  readonly lines: number;
  /** Pixels of a line. */
  readonly length: number;
  /** From a line to the next. */
  readonly line: number;
  /** From a pixel of a line to the next. */
  readonly step: number;
}

/** The three channels of each line. */
function convolved(data: Float32Array, kernel: Float64Array, { lines, length, line, step }: Lines): Float32Array {
  const radius = (kernel.length - 1) / 2;
  const out = new Float32Array(data.length);
  for (let l = 0; l < lines; l++) {
    for (let i = 0; i < length; i++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let k = -radius; k <= radius; k++) {
          const at = Math.min(Math.max(i + k, 0), length - 1);
          sum += kernel[k + radius]! * data[l * line + at * step + c]!;
        }
        out[l * line + i * step + c] = sum;
      }
    }
  }
  return out;
}

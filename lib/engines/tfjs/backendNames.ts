/** What TF.js computes on: TensorFlow's C library, a GPU, WebAssembly, plain JavaScript. */
export const BACKENDS = ["tensorflow", "webgpu", "wasm", "cpu"] as const;

export type Backend = (typeof BACKENDS)[number];

/** What onnxruntime may run programs on. */
export const PROVIDERS = ["cpu", "webgpu", "cuda", "coreml", "dml"] as const;

export type Provider = (typeof PROVIDERS)[number];

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder of files, deleted by `remove`. */
export interface Files {
  readonly folder: string;
  path(name: string): string;
  remove(): void;
}

export function writeFiles(files: Readonly<Record<string, string>>): Files {
  const folder = mkdtempSync(join(tmpdir(), "densekit-config-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return { folder, path: (name) => join(folder, name), remove: () => rmSync(folder, { recursive: true }) };
}

/** A config's reference to an environment variable. */
export function variable(name: string): string {
  return `\${${name}}`;
}

/** A small, complete config. */
export const SMALL = `task: detection
model:
  backbone: { type: efficientformer, variant: nano }
  neck: { type: fpn, channels: 128 }
  head: { type: maskRcnn }
data:
  type: coco
  train: { annotations: a/train.json, images: a/train }
  val: { annotations: a/val.json, images: a/val }
training:
  steps: 300
  optimizer: { type: adamw, lr: 2e-4 }
  schedule:
    type: step
    milestones: [200, 275]
    warmup: { steps: 50 }
`;

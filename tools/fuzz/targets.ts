import type { FuzzTargets } from "./target.js";

/** The targets of `npm run fuzz`. A new one is a file in targets/ and a line here. */
export const TARGETS: FuzzTargets = {
  json: () => import("./targets/json.js"),
  coco: () => import("./targets/coco.js"),
  "coco-commands": () => import("./targets/cocoCommands.js"),
  evaluation: () => import("./targets/evaluation.js"),
  cvat: () => import("./targets/cvat.js"),
  labelme: () => import("./targets/labelme.js"),
  "label-maps": () => import("./targets/labelMaps.js"),
  labels: () => import("./targets/labels.js"),
  masks: () => import("./targets/masks.js"),
  npz: () => import("./targets/npz.js"),
  onnx: () => import("./targets/onnx.js"),
  images: () => import("./targets/images.js"),
  packed: () => import("./targets/packed.js"),
  "pth-legacy": () => import("./targets/pthLegacy.js"),
  "pth-zip": () => import("./targets/pthZip.js"),
  safetensors: () => import("./targets/safetensors.js"),
  xml: () => import("./targets/xml.js"),
  yaml: () => import("./targets/yaml.js"),
  voc: () => import("./targets/voc.js"),
  yolo: () => import("./targets/yolo.js"),
};

import { join } from "node:path";
import { UserError } from "../errors.js";
import { listFolders, listPictures } from "./folders.js";
import { loadSample } from "./sample.js";
import type { ClassificationDataset, PictureFile, SampleSource } from "./types.js";

export interface ImageFolderOptions {
  /** One folder a class, as ImageNet's train folder. */
  readonly root: string;
  /** Folder names in the order of the class indices; default all, in name order. */
  readonly classes?: readonly string[];
}

/** @throws UserError for a missing class folder, or when there are no classes or pictures */
export async function openImageFolder(options: ImageFolderOptions): Promise<ClassificationDataset> {
  const classes = options.classes ?? (await listFolders(options.root));
  if (classes.length === 0) throw new UserError(`${options.root}: there are no class folders here`);
  const pictures: (PictureFile & { label: number })[] = [];
  for (const [label, name] of classes.entries()) {
    for (const file of await listPictures(join(options.root, name))) {
      pictures.push({ id: pictures.length + 1, file: join(name, file), label });
    }
  }
  if (pictures.length === 0) throw new UserError(`${options.root}: there are no pictures in the class folders`);
  const source = (index: number): SampleSource => {
    const picture = pictures[index];
    if (picture === undefined) throw new RangeError(`no picture ${index} in a data set of ${pictures.length}`);
    const { id, file, label } = picture;
    return { info: { id, file }, path: join(options.root, file), label };
  };
  return {
    kind: "classification",
    classes,
    length: pictures.length,
    pictures,
    source,
    load: (index) => loadSample(source(index)),
  };
}

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeIndices, decodeLabelMap, readLabelMapSize } from "../../../lib/images/decode.js";
import { encodeIndexedPng } from "../../../lib/images/encode.js";
import { mutateImage } from "../mendPng.js";
import type { FuzzTarget } from "../target.js";
import { oneOf } from "../words.js";

export const target: FuzzTarget = {
  about: "label maps as PNGs of 1 to 8 bits, damaged: their size first, then their labels",
  async open(folder) {
    const { default: sharp } = await import("sharp");
    const [width, height] = [40, 23];
    const data = Uint8Array.from({ length: width * height }, (_, i) => (i >> 3) % 2);
    const grey = (colours: number, progressive: boolean) =>
      sharp(data, { raw: { width, height, channels: 1 } })
        .png({ palette: true, colours, progressive })
        .toBuffer();
    const maps = [encodeIndexedPng({ width, height, data }, [])];
    for (const depth of [1, 2, 4, 8])
      for (const progressive of [false, true]) maps.push(await grey(2 ** depth, progressive));
    const path = join(folder, "map.png");
    return {
      make: (random) => mutateImage(oneOf(random, maps), random),
      async attempt(input) {
        await writeFile(path, input);
        const size = await readLabelMapSize(path);
        const map = await decodeLabelMap(path);
        const { data: indices } = await decodeIndices(path, "label map");
        if (map.width !== size.width || map.height !== size.height) throw new Error("the size read first differs");
        if (map.data.length !== size.width * size.height || indices.length !== map.data.length) {
          throw new Error(`${map.data.length} labels of ${size.width} × ${size.height} pixels`);
        }
      },
    };
  },
};

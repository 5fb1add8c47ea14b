import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readXml } from "../../../lib/formats/xml.js";
import type { Random } from "../../../lib/random.js";
import { mutate } from "../mutate.js";
import type { FuzzTarget } from "../target.js";
import { anyName, anyNumber, mutateText, oneOf } from "../words.js";

const FILE = `<?xml version="1.0" encoding="utf-8"?>
<!-- made by hand -->
<annotation verified="yes">
  <filename>a.jpg</filename>
  <size><width>10</width><height>10</height><depth>3</depth></size>
  <object label="cat"><name>cat &amp; dog</name><bndbox><xmin>1</xmin><ymin>2</ymin></bndbox><![CDATA[<a>]]></object>
</annotation>
`;
const WORDS = [
  ...["utf-8", "utf-16", "latin1", "xmin", "<a>", "</a>", "<a/>", "&amp;", "&lt;", "&#x41;", "&#99999999;", "&b;"],
  ...["<![CDATA[", "]]>", "<!--", "-->", "<?", "?>", "<!DOCTYPE", "a='1'"],
];

/** Nested entities, each with several references to the previous one. */
function laughs(random: Random): string {
  const count = 1 + random.integer(12);
  const entities = Array.from({ length: count }, (_, i) => {
    const inner = i === 0 ? "ha" : `&a${random.integer(i)};`.repeat(1 + random.integer(12));
    return `<!ENTITY a${i} "${inner}">`;
  });
  return `<!DOCTYPE annotation [${entities.join("")}]><annotation>${`&a${count - 1};`.repeat(1 + random.integer(100))}</annotation>`;
}

function anyElement(random: Random, depth: number): string {
  const name = oneOf(random, ["a", "b", "annotation", anyName(random)]);
  const attributes = Array.from({ length: random.integer(3) }, () => ` ${anyName(random)}="${anyNumber(random)}"`);
  const inner =
    depth === 0 ? anyName(random) : Array.from({ length: random.integer(4) }, () => anyElement(random, depth - 1));
  return `<${name}${attributes.join("")}>${[inner].flat().join("")}</${name}>`;
}

export const target: FuzzTarget = {
  about: "XML of annotations: damaged, full of entities, of any elements and encodings",
  open(folder) {
    const path = join(folder, "fuzzed.xml");
    return {
      make(random) {
        switch (random.integer(5)) {
          case 0:
            return mutate(Buffer.from(FILE), random);
          case 1:
            return Buffer.from(laughs(random));
          case 2:
            return Buffer.from(`<annotation>${anyElement(random, 5)}</annotation>`);
          default:
            return Buffer.from(mutateText(FILE, random, WORDS));
        }
      },
      async attempt(input) {
        await writeFile(path, input);
        await readXml(path, "annotation");
      },
    };
  },
};

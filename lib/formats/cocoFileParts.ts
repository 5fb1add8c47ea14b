/** A COCO file to write: its lists and other members. */
export interface CocoContent {
  readonly images: readonly object[];
  readonly annotations: readonly object[];
  readonly categories: readonly object[];
  readonly [other: string]: unknown;
}

const ENTRIES_A_PART = 2000;

/** The text of a COCO file, one entry per line, in parts: a large file may exceed the longest possible string. */
export function cocoFileParts(content: CocoContent): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  const add = (text: string): void => void parts.push(Buffer.from(text));
  let before = "{\n";
  for (const [key, value] of Object.entries(content)) {
    if (value === undefined) continue;
    add(`${before}${JSON.stringify(key)}: `);
    before = ",\n";
    if (Array.isArray(value)) addList(value, add);
    else add(JSON.stringify(value));
  }
  add("\n}\n");
  return parts;
}

function addList(list: readonly unknown[], add: (text: string) => void): void {
  for (let start = 0; start < list.length; start += ENTRIES_A_PART) {
    const lines = list.slice(start, start + ENTRIES_A_PART).map((entry) => JSON.stringify(entry));
    add(`${start === 0 ? "[\n" : ",\n"}${lines.join(",\n")}`);
  }
  add(list.length === 0 ? "[]" : "\n]");
}

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { outlineJson, readJsonPiece } from "../../lib/jsonfiles/lists.js";
import { userMessage } from "../support/failure.js";

describe("lists of a JSON file", () => {
  let folder = "";
  let path = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-json-"));
    path = join(folder, "lists.json");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function read(content: string | Uint8Array, pieceBytes: number) {
    await writeFile(path, content);
    const { root, lists } = await outlineJson(path, { pieceBytes });
    const values: Record<string, unknown[]> = {};
    for (const [name, pieces] of lists) {
      const own: unknown[] = [];
      for (const piece of pieces) {
        expect(piece.first).to.equal(own.length);
        own.push(...(await readJsonPiece(path, piece)));
      }
      values[name] = own;
    }
    return { root, values };
  }

  // Scanners trip over quotes, backslashes, brackets and commas in strings and keys.
  const text = fc.string({ unit: fc.constantFrom('"', "\\", "[", "]", "{", "}", ",", ":", "a", "é", "😀", "\n") });
  const element = fc.oneof(fc.jsonValue(), text, fc.dictionary(text, fc.array(text)));

  it("are those that JSON.parse finds, however small the pieces and wherever a string is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(text, fc.oneof(fc.array(element), element)),
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom(0, 1, 2),
        async (object, pieceBytes, indent) => {
          const { root, values } = await read(JSON.stringify(object, null, indent), pieceBytes);
          const parsed: Record<string, unknown> = JSON.parse(JSON.stringify(object));
          const lists = Object.entries(parsed).filter(([, value]) => Array.isArray(value));
          expect(root).to.equal("object");
          expect(values).to.deep.equal(Object.fromEntries(lists));
        },
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(element), fc.integer({ min: 1, max: 60 }), async (list, pieceBytes) => {
        const { root, values } = await read(`\uFEFF ${JSON.stringify(list)}\n`, pieceBytes);
        expect({ root, values }).to.deep.equal({ root: "list", values: { "": JSON.parse(JSON.stringify(list)) } });
      }),
    );
  });

  it("are found if strings and escapes span blocks of the file", async () => {
    const list = Array.from({ length: 40 }, (_, i) => `${"\\".repeat(i)}"${"x".repeat(70_000 - i)}`);
    expect((await read(JSON.stringify(list), 100_000)).values[""]).to.deep.equal(list);
  });

  it("are found after a key of a megabyte", async () => {
    const { values } = await read(`{"${"k".repeat(1 << 20)}": 1, "a": [1]}`, 100);
    expect(values).to.deep.equal({ a: [1] });
  });

  it("may contain NaN and Infinity as Python writes them", async () => {
    const { values } = await read('[{"score": NaN, "text": "a, NaN, b"}, -Infinity, Infinity]', 1000);
    const infinite = Number.POSITIVE_INFINITY;
    expect(values[""]).to.deep.equal([{ score: Number.NaN, text: "a, NaN, b" }, -infinite, infinite]);
  });

  for (const [what, content, message] of [
    ["an empty file", "", /not valid JSON: the file must hold a list or an object/],
    ["a page", "<html>", /must hold a list or an object/],
    ["a string", '"[1, 2]"', /must hold a list or an object/],
    ["UTF-16", Buffer.from('\uFEFF[{"a": 1}]', "utf16le"), /as UTF-8 text/],
    ["Latin-1", Buffer.from('[{"name": "caf\xe9"}]', "latin1"), /the text is not UTF-8 in bytes 1 to 17 /],
    ["a file cut short", '[{"a": [1, 2', /the file ends too early; is it complete\?/],
    ["a file cut in a string", '[{"a": "x', /the file ends too early/],
    ["a bracket too many", "[1]]", /text goes on after the end|closes nothing/],
    ["text after the end", "[1] x", /text goes on after the end/],
    ["a second list", "[1] [2]", /text goes on after the end/],
    ["a missing comma", '[{"a": 1} {"b": 2}]', /not valid JSON in bytes 1 to 18 \(from element 0 on\)/],
  ] as const) {
    it(`refuse ${what}`, async () => {
      expect(await userMessage(() => read(content, 1000)))
        .to.match(message)
        .and.contain("lists.json: ");
    });
  }

  it("refuse a missing file", async () => {
    expect(await userMessage(() => outlineJson(join(folder, "none.json")))).to.match(
      /cannot read .*none\.json: no such/,
    );
  });
});

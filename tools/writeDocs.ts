import { mkdir, readFile } from "node:fs/promises";
import { writeFileAtomic } from "../lib/files.js";
import { readLatencies } from "./cards/latencies.js";
import { allCards, measuredWhere, writeAccuracyPlot } from "./cards/write.js";
import { configReference } from "./configReference.js";
import { licenceTable } from "./licences.js";
import { modelTable } from "./modelTable.js";
import { publishedTable } from "./publishedTable.js";
import { referencePages } from "./reference/pages.js";
import { readApi } from "./reference/readApi.js";
import { roomsTable } from "./rooms.js";

/** Writes generated text into a document, between the lines that mark its place. */
async function writeBlock(path: string, name: string, text: string): Promise<void> {
  const block = new RegExp(`(<!-- ${name}: made by npm run generate -->\\n).*?(\\n<!-- end of ${name} -->)`, "s");
  const document = await readFile(path, "utf8");
  if (!block.test(document)) throw new Error(`${path} has no place for ${name}`);
  await writeFileAtomic(
    path,
    document.replace(block, (_, begin: string, end: string) => begin + text + end),
  );
}

// Generated from the code: the references of the config and of the API, the tables of models, published weights and rooms; from
// measurements: the models' cards and their plot.
await writeFileAtomic("docs/config.md", configReference());
await mkdir("docs/reference", { recursive: true });
for (const [file, text] of referencePages(readApi())) await writeFileAtomic(`docs/reference/${file}`, text);
await writeBlock("README.md", "models", modelTable());
await writeBlock("docs/packages.md", "licences", licenceTable());
await writeBlock("docs/weights.md", "imagenet", publishedTable());
await writeBlock("docs/architecture.md", "rooms", roomsTable());
await writeBlock("docs/models.md", "machine", measuredWhere(readLatencies()));
await writeBlock("docs/models.md", "cards", await allCards());
await writeAccuracyPlot();

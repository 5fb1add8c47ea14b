import { readFile } from "node:fs/promises";
import { writeFileAtomic } from "../lib/files.js";
import { configReference } from "./configReference.js";
import { modelTable } from "./modelTable.js";

/** Where the table of models stands in the README. */
const MODELS_BLOCK = /(<!-- models: made by npm run generate -->\n).*?(\n<!-- end of models -->)/s;

/** Writes what is made from the code: the config reference, and the table of models in the README. */
await writeFileAtomic("docs/config.md", configReference());
const readme = await readFile("README.md", "utf8");
await writeFileAtomic(
  "README.md",
  readme.replace(MODELS_BLOCK, (_, begin: string, end: string) => begin + modelTable() + end),
);

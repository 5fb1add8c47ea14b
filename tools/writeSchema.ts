import { toJsonSchema } from "../lib/config/jsonSchema.js";
import { writeFileAtomic } from "../lib/files.js";

/** Writes the JSON Schema of config files for editors. Run it after changing a schema. */
await writeFileAtomic("schema/config.schema.json", `${JSON.stringify(toJsonSchema(), null, 1)}\n`);

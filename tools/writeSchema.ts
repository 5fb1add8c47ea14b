import { toJsonSchema } from "../lib/config/jsonSchema.js";
import { writeFileAtomic } from "../lib/files.js";

/** JSON with a definition a line: differences stay readable, and the file is not half indentation. */
function lines({ $defs = {}, ...rest }: { readonly $defs?: object | undefined }): string {
  const definitions = Object.entries($defs).map(([name, value]) => ` ${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `${JSON.stringify(rest).slice(0, -1)},\n"$defs":{\n${definitions.join(",\n")}\n}}\n`;
}

/** Writes the JSON Schema of config files for editors. Run it after changing a schema. */
await writeFileAtomic("schema/config.schema.json", lines(toJsonSchema()));

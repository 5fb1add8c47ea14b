import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/package

/** A source with each `${…}` of its templates as "…", and texts that are joined by + as one. */
function withoutExpressions(source: string): string {
  let text = "";
  for (let i = 0; i < source.length; i++) {
    if (source[i] === "\\") {
      text += source[++i] ?? "";
    } else if (source.startsWith("${", i)) {
      let depth = 1;
      for (i += 2; depth > 0 && i < source.length; i++) depth += source[i] === "{" ? 1 : source[i] === "}" ? -1 : 0;
      i--;
      text += "…";
    } else {
      text += source[i];
    }
  }
  return text.replace(/["`]\s*\+\s*["`]/g, "").replace(/…+/g, "…");
}

describe("the error index", () => {
  const rows = [...readFileSync(join(ROOT, "docs/errors.md"), "utf8").matchAll(/^\| `([^`]+)`.* \| .+ \| .+ \|$/gm)];
  const sources = readdirSync(join(ROOT, "lib"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith("kernels"))
    .map((file) => withoutExpressions(readFileSync(join(ROOT, "lib", file), "utf8")));

  it("quotes messages that stand in the sources", () => {
    expect(rows.length).to.be.greaterThan(45);
    const gone = rows
      .map(([, message]) => message!)
      .filter((message) => !sources.some((text) => text.includes(message)));
    expect(gone).to.deep.equal([]);
  });

  it("would miss one that does not", () => {
    const text = withoutExpressions(`\`\${place}: the list "\${names[{ a: 1 }.a]}" is \` +\n "missing"`);
    expect(text).to.equal('`…: the list "…" is missing"');
    expect(text).to.not.contain("is lost");
  });
});

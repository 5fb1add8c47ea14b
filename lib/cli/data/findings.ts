import { existsSync } from "node:fs";
import { pathsOf, type Split } from "../../config/paths.js";
import type { Config } from "../../config/schema.js";
import { groupOf } from "../../datatools/check/order.js";
import type { CheckResult, Problem } from "../../datatools/check/types.js";
import { sourcesOf } from "../../tasks/kinds.js";
import { counted } from "../../words.js";
import type { Context } from "../context.js";

const SPLITS: readonly Split[] = ["train", "val"];
/** How many problems of a kind are shown. */
const SHOWN = 3;

/**
 * What `data check` finds in a config's data without decoding images; nothing if data is missing, which training itself
 * reports.
 */
export async function quickCheck({ api, signal }: Context, config: Config): Promise<CheckResult | undefined> {
  const paths = SPLITS.flatMap((split) => pathsOf(config, split));
  if (paths.some(([, path]) => !existsSync(path))) return undefined;
  const sources = await sourcesOf(config, SPLITS);
  return api.data.check({ sources, pixels: false, handOver: true, signal });
}

/** Findings as lines, in their order. */
export function findingLines({ problems, errors, warnings }: CheckResult, config: string): string[] {
  if (problems.length === 0) return [];
  const groups = new Map<string, Problem[]>();
  for (const problem of problems) {
    const heading = groupOf(problem);
    const group = groups.get(heading);
    if (group === undefined) groups.set(heading, [problem]);
    else group.push(problem);
  }
  const lines = [...groups].flatMap(([heading, group]) => {
    const shown = group.slice(0, SHOWN).map(({ file, entry, message }) => {
      return `  ${heading}: ${file}: ${entry === undefined ? "" : `${entry}: `}${message}`;
    });
    const rest = group.length - shown.length;
    return rest > 0 ? [...shown, `  ${heading}: and ${rest} more`] : shown;
  });
  const found = `${counted(errors, "error")}, ${counted(warnings, "warning")}`;
  return [`data check: ${found}; densekit data check ${config} lists all, and also checks the images`, ...lines];
}

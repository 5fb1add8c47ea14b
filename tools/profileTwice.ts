import { parseArgs } from "node:util";
import { claimProcess } from "../lib/process.js";
import { error, milliseconds, percent } from "../lib/profile/format.js";
import { profile } from "../lib/profile/profile.js";

/*
 * Checks whether two runs of one profile agree within their own intervals, as often as wanted, one after the other.
 *
 *     node dist/tools/profileTwice.js [MODEL] [--times 20] [--threads 1] [--size 224] [--clock wall]
 */

claimProcess();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: "string", default: "20" },
    threads: { type: "string", default: "1" },
    size: { type: "string", default: "224" },
    clock: { type: "string", default: "wall" },
  },
});
const [model = "efficientformer-l1"] = positionals;
const side = Number(values.size);

async function measured() {
  const { profiles, setting } = await profile({
    models: [model],
    overrides: [`engine.threads=${values.threads}`],
    sizes: [{ height: side, width: side }],
    clock: values.clock === "processor" ? "processor" : "wall",
    totalOnly: true,
    memory: false,
    rounds: 20,
    within: 1000, // intervals of any width are compared
  });
  return { ...profiles[0]!.total.latency, othersLoad: setting.othersLoad ?? Number.NaN };
}

let agreed = 0;
for (let i = 0; i < Number(values.times); i++) {
  const [a, b] = [await measured(), await measured()];
  const meet = a.low <= b.high && b.low <= a.high;
  if (meet) agreed++;
  const told = [a, b].map((one) => `${milliseconds(one.median)} ${error(one)} (others ${percent(one.othersLoad)})`);
  console.log(`${told.join("   ")}   ${meet ? "agree" : "DIFFER"}`);
}
console.log(`${agreed} of ${values.times} pairs agree within their own intervals`);

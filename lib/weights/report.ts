import { UserError } from "../errors.js";
import type { WeightAdapter } from "../nn/weightNames.js";
import { counted } from "../words.js";
import type { LoadPlan, Reshaped } from "./plan.js";

/** What a plan loads and leaves out, in a sentence or two. */
export function describePlan(what: string, plan: LoadPlan): string {
  const { loads, missing, initial, unexpected, reshaped, unreadable, naming, path } = plan;
  const wanted = loads.length + missing.length + initial.length + reshaped.length + unreadable.length;
  const parts = [`${what}: loaded ${loads.length} of ${wanted} tensors from ${path}${naming ? ` (${naming})` : ""}`];
  for (const [{ adapted }, count] of countBy(loads)) parts.push(`${count} of them ${adapted}`);
  if (missing.length > 0) parts.push(`${missing.length} missing (${some(missing)})`);
  for (const [adapter, count] of countBy(initial)) parts.push(`${count} ${adapter.initial}`);
  const head = otherHead(reshaped);
  const others = head === undefined ? reshaped : reshaped.filter((one) => !head.parts.includes(one));
  if (head !== undefined) {
    const { found, wanted, parts: left } = head;
    const names = some(left.map(({ name }) => name));
    parts.push(
      `its head of ${counted(found, "class", "classes")} is left out, this one has ${wanted} and starts from random weights (${names})`,
    );
  }
  if (others.length > 0) parts.push(`${others.length} of another shape (${some(others.map(describeShape))})`);
  if (unreadable.length > 0) parts.push(`${unreadable.length} ${UNREADABLE} (${some(unreadable.map(describeType))})`);
  if (unexpected.length > 0) parts.push(`${unexpected.length} not used (${some(unexpected)})`);
  if (plan.choice !== undefined) parts.push(plan.choice);
  return parts.join("; ");
}

function countBy(made: readonly { readonly adapter?: WeightAdapter }[]): Map<WeightAdapter, number> {
  const counts = new Map<WeightAdapter, number>();
  for (const { adapter } of made) if (adapter !== undefined) counts.set(adapter, (counts.get(adapter) ?? 0) + 1);
  return counts;
}

/**
 * For models that are used as loaded.
 *
 * @throws UserError unless the file has all of the model and nothing else; with counts and the first of each kind
 */
export function requireAll(plan: LoadPlan): void {
  const { path, naming, loads, missing, initial, unexpected, reshaped, unreadable } = plan;
  const absent = [...missing, ...initial.map(({ name }) => name)];
  const faults = [
    fault(unreadable.map(describeType), UNREADABLE),
    fault(absent, "missing"),
    fault(unexpected, "not of this model"),
    fault(reshaped.map(describeShape), "of another shape"),
  ].filter((text) => text !== undefined);
  if (faults.length === 0) return;
  const wanted = loads.length + absent.length + reshaped.length + unreadable.length;
  if (faults.length === 1 && unreadable.length > 0) {
    throw new UserError(`${path}: of its ${wanted} tensors ${faults[0]}; convert them to float32 where they were made`);
  }
  const whose = naming === undefined ? "" : ` (it has the names of ${naming})`;
  throw new UserError(
    `${path}: weights of another model: of its ${wanted} tensors ${faults.join("; ")}. Use the config the weights were trained with${whose}`,
  );
}

/**
 * For models that start from what a file has.
 *
 * @throws UserError when nothing of the file fits, or so little that it fits by chance: families share names, such as those of heads
 */
export function requireSome(what: string, plan: LoadPlan, wanted: readonly string[], advice: string): void {
  const { path, loads, naming, unexpected, reshaped, unreadable } = plan;
  if (loads.length > 0) {
    const others = otherHead(reshaped) === undefined ? reshaped : [];
    const isTold = unreadable.length > 0; // unreadable tensors say nothing about the rest
    if (isTold || (others.length === 0 && 2 * loads.length >= wanted.length)) return;
    const whose = naming === undefined ? "" : `, which has the names of ${naming}`;
    const shapes = fault(others.map(describeShape), "are of another shape");
    throw new UserError(
      `${path}: weights of another model: ${loads.length} of the ${wanted.length} tensors of ${what} are in the file${whose}` +
        `${shapes === undefined ? "" : `; ${shapes}`}; ${advice}`,
    );
  }
  const held = [...reshaped.map(describeShape), ...unreadable.map(describeType), ...unexpected];
  const count = held.length;
  const whose = naming === undefined ? "" : `, in the names of ${naming}`;
  throw new UserError(
    `${path}: none of its ${count} tensors fits ${what} (it holds ${some(held)}${whose}; expected ${some(wanted)}); ${advice}`,
  );
}

/** Of tensors of another shape those of a classifier's head of other classes, where they are: rows for classes, and their biases. */
function otherHead(
  reshaped: readonly Reshaped[],
): { readonly found: number; readonly wanted: number; readonly parts: readonly Reshaped[] } | undefined {
  const [first] = reshaped;
  if (first === undefined) return undefined;
  const [[found = 0], [wanted = 0]] = [first.found, first.wanted];
  const isOfHead = (one: Reshaped) =>
    one.found[0] === found && one.wanted[0] === wanted && one.found.slice(1).join() === one.wanted.slice(1).join();
  const parts = reshaped.filter(isOfHead);
  return found !== wanted && parts.length === reshaped.length && parts.some((one) => one.wanted.length > 1)
    ? { found, wanted, parts }
    : undefined;
}

const UNREADABLE = "of an element type that cannot be read";

const describeType = ({ name, type }: LoadPlan["unreadable"][number]): string => `${name}: ${type}`;

function describeShape({ name, found, wanted }: Reshaped): string {
  return `${name} is [${found.join(", ")}], not [${wanted.join(", ")}]`;
}

function fault(names: readonly string[], what: string): string | undefined {
  return names.length === 0 ? undefined : `${names.length} ${what} (${some(names)})`;
}

function some(names: readonly string[]): string {
  const shown = 3;
  return names.slice(0, shown).join(", ") + (names.length > shown ? ", …" : "");
}

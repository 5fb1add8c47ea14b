import type { Task } from "../tasks/task.js";

/** Where an operator is in a model. */
export interface Place {
  readonly stage: string;
  /** Paths of modules, such as `network.2.1`; the stage's name where it is not divided. */
  readonly block: string;
}

const PREFIX = "backbone";

/**
 * Finds the place of a module or a parameter by its path; undefined where the path does not tell, as for operators recorded
 * between modules. Stages are those that the backbone declares for freezing, the stem first; a stage's numbered modules are
 * its blocks. Other modules of the backbone are a classifier's head or output norms. Other parts are stages of their own.
 */
export function placesOf({
  backbone: { stages },
  graphs,
}: Pick<Task, "backbone" | "graphs">): (path: string) => Place | undefined {
  const rest = graphs.backbone === undefined ? "head" : "outputs";
  return (path) => {
    if (path === "" || path === PREFIX) return undefined;
    const steps = path.split(".");
    if (steps[0] !== PREFIX) return partPlace(steps);
    const inner = steps.slice(1);
    for (const [i, modules] of stages.entries()) {
      const module = modules.find((name) => isWithin(inner.join("."), name));
      if (module === undefined) continue;
      if (i === 0) return { stage: "stem", block: "stem" };
      return { stage: `stage ${i}`, block: blockOf(module, inner.slice(module.split(".").length)) };
    }
    return { stage: rest, block: rest };
  };
}

const isWithin = (path: string, module: string): boolean => path === module || path.startsWith(`${module}.`);
const isNumber = (step: string | undefined): boolean => step !== undefined && /^\d+$/.test(step);

/** A module of a stage, or one of its numbered modules. */
function blockOf(module: string, [first, second]: readonly string[]): string {
  if (isNumber(first)) return `${module}.${first}`;
  return first === "blocks" && isNumber(second) ? `${module}.${first}.${second}` : module;
}

/** `neck.lateral_convs.0.conv` is in block `neck.lateral_convs.0` of `neck`; RoI heads are stages of their own. */
function partPlace(steps: readonly string[]): Place {
  const stage = steps.slice(0, steps[0] === "roi_head" ? 2 : 1).join(".");
  const number = steps.findIndex(isNumber);
  return { stage, block: number < 0 ? stage : steps.slice(0, number + 1).join(".") };
}

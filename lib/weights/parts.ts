import { UserError } from "../errors.js";
import type { StoredTensor, TensorFile } from "../tensors/tensorFile.js";

/** The tensors of a model among those of a file. */
export interface Part {
  /** Keys of the containers the model is in, joined by dots; "" if it is the file itself. */
  readonly name: string;
  /** Other parts that could be meant as well; this one was chosen by a rule. */
  readonly rivals: readonly string[];
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Keys under which training code keeps the model, the likeliest first; averaged copies (EMA) come after it. */
const MODEL_KEYS = [
  "state_dict",
  "model_state_dict",
  "model",
  "module",
  "net",
  "network",
  "params",
  "weights",
  "params_ema",
  "ema_state_dict",
  "state_dict_ema",
  "model_ema",
  "ema",
];
/** Keys under which it keeps other things with tensors. */
const OTHER_KEYS = /optim|scheduler|scaler|^amp$|rng|random|^loops$|^callbacks$|hook|^meta$/i;

/**
 * The part of a file that is the model: the file itself, or a container that is known to have one.
 *
 * @param wanted the part's name; default: chosen by the rule
 * @throws UserError when there is no such part, or several that could be meant
 */
export function modelPart(file: TensorFile, wanted = file.part): Part {
  const names = partNames(file);
  if (wanted !== undefined) {
    if (!names.includes(wanted)) {
      throw new UserError(`${file.path}: has no part "${wanted}"; its parts with tensors are ${listed(names)}`);
    }
    return cut(file, wanted, []);
  }
  if (file.tensors.length === 0) throw nothing(file);
  let place: readonly string[] = [];
  const rivals: string[] = [];
  for (;;) {
    const inside = file.tensors.filter(({ group }) => place.every((key, i) => group[i] === key));
    const keys = [...new Set(inside.flatMap(({ group }) => group.slice(place.length, place.length + 1)))];
    const known = MODEL_KEYS.find((key) => keys.includes(key));
    const direct = inside.some(({ group }) => group.length === place.length);
    const candidates = keys.filter((key) => !OTHER_KEYS.test(key));
    const next = known ?? (direct ? undefined : candidates.length === 1 ? candidates[0] : null);
    if (next === undefined) return cut(file, place.join("."), rivals);
    const others = MODEL_KEYS.filter((key) => key !== next && keys.includes(key));
    rivals.push(...others.map((key) => [...place, key].join(".")));
    if (next === null) {
      throw new UserError(
        `${file.path}: cannot tell which part is the model; its parts with tensors are ${listed(names)}. ` +
          `Name one as ${file.path}#PART, or take it out with "densekit weights convert --part"`,
      );
    }
    place = [...place, next];
  }
}

/** The containers with tensors, by their keys joined with dots. */
export function partNames({ tensors }: TensorFile): string[] {
  const names = new Set<string>();
  for (const { group } of tensors) {
    const inside: string[] = [];
    for (let length = group.length; length >= 0; length--) {
      const name = group.slice(0, length).join(".");
      if (names.has(name)) break;
      inside.unshift(name);
    }
    for (const name of inside) names.add(name);
  }
  return [...names];
}

/** What was chosen although another part could be meant, and how to choose that; undefined if there was no choice. */
export function describeChoice({ path }: TensorFile, { name, rivals }: Part): string | undefined {
  if (rivals.length === 0) return undefined;
  const others = rivals.map((rival) => `${path}#${rival}`).join(" or ");
  return `reading the part "${name}" of ${path}; ${others} reads the other`;
}

function cut(file: TensorFile, name: string, rivals: readonly string[]): Part {
  const tensors = new Map<string, StoredTensor>();
  for (const tensor of file.tensors) {
    const full = [...tensor.group, tensor.name].join(".");
    if (name !== "" && !`${tensor.group.join(".")}.`.startsWith(`${name}.`)) continue;
    const own = name === "" ? full : full.slice(name.length + 1);
    if (tensors.has(own)) throw new UserError(`${file.path}: holds two tensors named ${own}`);
    tensors.set(own, tensor);
  }
  return { name, rivals, tensors };
}

function nothing({ path, others }: TensorFile): UserError {
  const shown = others
    .slice(0, 3)
    .map(({ group, name, what }) => [[...group, name].join("."), what].filter(Boolean).join(": "));
  const holds = shown.length === 0 ? "nothing at all" : shown.join("; ");
  return new UserError(
    `${path}: holds no tensors that can be read, but ${holds}. Save a model's state_dict() to load it here`,
  );
}

const listed = (names: readonly string[]): string => {
  const shown = names.filter((name) => name !== "").slice(0, 8);
  return shown.length === 0 ? "none but the file itself" : shown.join(", ");
};

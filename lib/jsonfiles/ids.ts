/**
 * What is wrong with an id in a COCO file, to stand behind the name of its entry; undefined where nothing is.
 *
 * JSON.parse rounds what a float64 does not hold: 2^53 + 1 becomes 2^53, so that an id of 2^53 may be another's. Below it
 * whole numbers are what the file says.
 *
 * @param whose of whom it is said that ids are numbers there
 */
export function idFault(name: string, value: unknown, whose = "COCO's"): string | undefined {
  if (Number.isSafeInteger(value)) return undefined;
  if (value === undefined) return `"${name}" is missing`;
  if (typeof value === "string") {
    return `"${name}" is the text ${JSON.stringify(value).slice(0, 60)}, but ${whose} ids are numbers; write it without quotes`;
  }
  if (typeof value !== "number") return `"${name}" must be a number, not ${JSON.stringify(value).slice(0, 60)}`;
  if (!Number.isFinite(value)) return `"${name}" must be a number, not ${value}`;
  if (!Number.isInteger(value)) return `"${name}" is ${value}, but ids must be whole numbers`;
  return `"${name}" is about ${value}, but ids of 2^53 (${2 ** 53}) and above cannot be told apart; use smaller ones`;
}

import type { Command } from "commander";
import { UserError } from "../errors.js";

/** The ways of using a command that does several things, and the options that only some of them have. */
export interface Modes<M extends string> {
  /** What messages call each. */
  readonly names: Readonly<Record<M, string>>;
  /** By an option's long name; those that are not here belong to all modes. Commands that share a table need not have all. */
  readonly options: Readonly<Record<`--${string}`, readonly M[]>>;
}

/**
 * An option that does not belong to what is done would be ignored in silence, and its user believes that it was not.
 *
 * @param active the mode; several where a command is used in several ways at once
 * @throws UserError with exit code 2 naming the first option given that is none of theirs
 */
export function refuseOthers<M extends string>(command: Command, modes: Modes<M>, ...active: readonly M[]): void {
  for (const [long, own] of Object.entries(modes.options)) {
    const option = command.options.find((one) => one.long === long);
    const isGiven = option !== undefined && command.getOptionValueSource(option.attributeName()) === "cli";
    if (!isGiven || own.some((mode) => active.includes(mode))) continue;
    const here = active.map((mode) => modes.names[mode]).join(" ");
    throw new UserError(`${long} is for ${named(modes, own)}, not for ${here}; leave it out`, 2);
  }
}

/** In --help, the options of each mode under a heading. */
export function groupByMode<M extends string>(command: Command, modes: Modes<M>): void {
  for (const option of command.options) {
    const own = Object.entries(modes.options).find(([long]) => long === option.long)?.[1];
    if (own !== undefined) option.helpGroup(`For ${named(modes, own)}:`);
  }
}

const named = <M extends string>({ names }: Modes<M>, modes: readonly M[]): string =>
  modes.map((mode) => names[mode]).join(" or ");

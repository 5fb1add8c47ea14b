/** What every reader may be given besides its own options. */
export interface NamedOptions {
  /** What messages call an option; by default as `data convert` has it: `--class-maps`. */
  readonly nameOf?: (option: string) => string;
}

/** An option as its user knows it. */
export function optionName({ nameOf }: NamedOptions, option: string): string {
  return nameOf?.(option) ?? `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The limit of file names, minus what a crop's number and extension take. */
export const MOST_BYTES = 200;
/** Names that Windows reserves for devices, with any extension. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNFIT = /[\u0000-\u001f\u007f\\/:*?"<>|]/g;

/**
 * Makes a name valid as one part of a path on every system, and not hidden: other characters become "_".
 *
 * @returns "" if nothing is left
 */
export function safeName(name: string): string {
  const fit = name
    .normalize("NFC")
    .replace(UNFIT, "_")
    .trim()
    .replace(/^\.+/, "_")
    .replace(/[. ]+$/, "");
  return DEVICES.test(fit) ? `_${fit}` : fit;
}

/** As much of the beginning of a name as fits, cut between characters. */
export function shortened(name: string, most = MOST_BYTES): string {
  let kept = "";
  let bytes = 0;
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > most) return kept;
    kept += character;
  }
  return kept;
}

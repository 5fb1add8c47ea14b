const PART = 8192; // the number of arguments that a call may have

/** The text of bytes that are one character each (ISO 8859-1; `TextDecoder`'s latin1 is another encoding). */
export function textOfLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let from = 0; from < bytes.length; from += PART)
    text += String.fromCharCode(...bytes.subarray(from, from + PART));
  return text;
}

/** The bytes of a text with such characters. */
export function bytesOfLatin1(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

/** Whatever is not UTF-8 becomes U+FFFD. */
export const textOfUtf8 = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** @throws TypeError for bytes that are not UTF-8 */
export const textOfStrictUtf8 = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

export const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

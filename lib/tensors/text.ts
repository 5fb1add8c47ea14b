const PART = 8192; // arguments a call may have

/** The text of bytes that are a character each (ISO 8859-1; what `TextDecoder` calls latin1 is another code). */
export function textOfLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let from = 0; from < bytes.length; from += PART)
    text += String.fromCharCode(...bytes.subarray(from, from + PART));
  return text;
}

/** The bytes of a text of such characters. */
export function bytesOfLatin1(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

/** Whatever is no UTF-8 becomes U+FFFD. */
export const textOfUtf8 = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** @throws TypeError for what is no UTF-8 */
export const textOfStrictUtf8 = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

export const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

// What neutral rooms may use besides ECMAScript: the few globals that Node and browsers share. The types of a whole
// platform would allow what the other lacks (see tsconfig.neutral.json).

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, into: Uint8Array): { readonly read: number; readonly written: number };
}

declare class TextDecoder {
  constructor(label?: string, options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}

declare function btoa(text: string): string;

declare function atob(base64: string): string;

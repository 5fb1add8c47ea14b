/** An 8-bit RGB picture: `data` holds height × width × 3 bytes, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A class index per pixel, row by row; 255 is "ignored". */
export interface LabelMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

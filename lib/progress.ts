/** What long-running functions report. */
export type ProgressEvent =
  | { readonly type: "progress"; readonly what: string; readonly done: number; readonly total: number }
  | { readonly type: "message"; readonly text: string };

/** What long-running functions report. */
export type ProgressEvent =
  | {
      readonly type: "progress";
      readonly what: string;
      readonly done: number;
      readonly total: number;
      /** What is counted, where it is not pieces of work. */
      readonly unit?: "bytes";
    }
  | { readonly type: "message"; readonly text: string };

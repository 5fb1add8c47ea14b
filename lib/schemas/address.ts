/** Whether a text names a file by an address, such as hf://OWNER/NAME, and not by a path. */
export const isAddress = (text: string): boolean => /^(hf|https?):\/\//i.test(text);

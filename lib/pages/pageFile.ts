import { UserError } from "../errors.js";
import { refuseExisting } from "../files.js";

/** @throws UserError when a page's path does not end in .html, or the file exists and `force` is not given */
export function checkPageFile(path: string, force: boolean | undefined): void {
  if (!/\.html?$/i.test(path)) throw new UserError(`${path}: the page's extension must be .html`, 2);
  refuseExisting([path], force);
}

import { UserError } from "../errors.js";
import { nameFault } from "../files.js";

/** A file of a repository, or the weights in it where no file is named. */
export interface HubAddress {
  /** OWNER/NAME */
  readonly repository: string;
  readonly file?: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const FORM = "hf://OWNER/NAME[/FILE][@REVISION]";
const PART = /^[A-Za-z0-9](?:[\w.-]*[\w])?$/;

/** @throws UserError with exit code 2 for any other form */
export function parseHubAddress(text: string): HubAddress {
  const [, whole = "", revision = "main"] = /^hf:\/\/([^@]*)(?:@(.*))?$/i.exec(text) ?? [];
  const [owner = "", name = "", ...file] = whole.split("/");
  const parts = [owner, name];
  if (!parts.every((part) => PART.test(part) && !part.includes("..")) || file.includes("")) throw malformed(text);
  for (const path of [revision, ...(file.length === 0 ? [] : [file.join("/")])]) {
    if (nameFault(path) !== undefined || path.split("/").includes("..")) throw malformed(text);
  }
  return { repository: parts.join("/"), revision, ...(file.length > 0 && { file: file.join("/") }) };
}

const malformed = (text: string): UserError =>
  new UserError(`${text}: not an address of a file on the hub; it has the form ${FORM}`, 2);

/** The address of a file as users write it. */
export function hubAddressText({ repository, file, revision }: HubAddress): string {
  return `hf://${repository}${file === undefined ? "" : `/${file}`}${revision === "main" ? "" : `@${revision}`}`;
}

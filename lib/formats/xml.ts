import { XMLParser, XMLValidator } from "fast-xml-parser";
import { UserError } from "../errors.js";
import { readBytes } from "../files.js";

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
  /** Where it is, for messages: the file and the path to it. */
  readonly where: string;
}

/**
 * @throws UserError naming file, line and column when it is not well-formed XML with this root, or not in its encoding
 */
export async function readXml(path: string, root: string): Promise<XmlElement> {
  const text = await readEncoded(path);
  checkAmounts(text, path);
  const checked = XMLValidator.validate(text);
  if (checked !== true) {
    const { msg, line, col } = checked.err;
    const place = [path, line, col].filter((part) => part !== undefined).join(":");
    throw new UserError(`${place}: not well-formed XML: ${shortened(msg)}`);
  }
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: "",
    parseTagValue: false,
    parseAttributeValue: false,
    ignoreDeclaration: true,
    ignorePiTags: true,
  });
  let parsed: unknown;
  try {
    parsed = parser.parse(text);
  } catch (error) {
    // The parser has its own limits on depth and entities.
    throw new UserError(`${path}: not XML annotations: ${error instanceof Error ? error.message : error}`);
  }
  const top = elementsOf(parsed, path, true);
  const found = top.find(({ name }) => name === root);
  if (found !== undefined) return found;
  throw new UserError(`${path}: the root element is <${top[0]?.name ?? ""}>, not <${root}>; is this another format?`);
}

const LONGEST_REASON = 200;

/** The parser lists every unclosed element. */
function shortened(reason: string): string {
  const text = reason.replaceAll(/\s+/g, " ");
  return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)} …` : text;
}

/** An element takes a few hundred bytes of memory, but only four in the file: `<a/>`. */
const ELEMENTS = 1e5;
const CHARACTERS_AN_ELEMENT = 8;
const MOST_ATTRIBUTES = 1000;

/** @throws UserError when there are more elements, or attributes in one, than any annotation has */
function checkAmounts(text: string, path: string): void {
  const most = ELEMENTS + text.length / CHARACTERS_AN_ELEMENT;
  let [elements, attributes] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === LESS) {
      attributes = 0;
      if (text.charCodeAt(i + 1) !== SLASH) elements++;
    } else if (c === EQUALS) attributes++;
    if (elements > most || attributes > MOST_ATTRIBUTES) {
      const what =
        elements > most
          ? `${Math.floor(most)} elements, the limit for a file of its size`
          : `${MOST_ATTRIBUTES} attributes in one element`;
      throw new UserError(`${path}: not XML annotations: there are more than ${what}`);
    }
  }
}

const [LESS, SLASH, EQUALS] = [0x3c, 0x2f, 0x3d];

/** XML declares its encoding, UTF-8 by default. */
async function readEncoded(path: string): Promise<string> {
  const bytes = await readBytes(path);
  const head = Buffer.from(bytes.subarray(0, 200)).toString("latin1");
  const encoding = /^[^<]*<\?xml[^>]*\bencoding=["']([\w.-]+)["']/.exec(head)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(
      `${path}: the text is not ${encoding.toUpperCase()}, as it declares or must be; save it as UTF-8`,
    );
  }
}

const NONE: readonly XmlElement[] = [];
const NO_ATTRIBUTES: Readonly<Record<string, string>> = {};

/** The parser's list of { name: children, ":@": attributes } as elements. */
function elementsOf(list: unknown, where: string, top = false): readonly XmlElement[] {
  if (!Array.isArray(list) || list.length === 0) return NONE;
  const counts = new Map<string, number>();
  return list.flatMap((node: Record<string, unknown>) => {
    const name = Object.keys(node).find((key) => key !== ":@" && key !== "#text");
    if (name === undefined) return [];
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    const place = top ? where : `${where}: ${name} ${number}`;
    const content: unknown = node[name];
    const texts = Array.isArray(content) ? content.map((part: Record<string, unknown>) => part["#text"]) : [];
    const text = texts.filter((part) => part !== undefined).join("");
    const attributes = (node[":@"] ?? NO_ATTRIBUTES) as Record<string, string>;
    return [{ name, attributes, children: elementsOf(content, place), text: text.trim(), where: place }];
  });
}

export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** The text of a child, or undefined if there is none. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

/** @throws UserError when the attribute is missing */
export function attributeOf(element: XmlElement, name: string): string {
  const value = element.attributes[name];
  if (value === undefined) throw new UserError(`${element.where}: the attribute ${name} is missing`);
  return value;
}

/** @throws UserError when the text is not a finite number */
export function toNumber(text: string | undefined, what: string, where: string): number {
  const value = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new UserError(`${where}: ${what} ${text === undefined ? "is missing" : `is "${text}", which is no number`}`);
}

/** A name from an enumeration, written without quotes. */
export interface EnumName {
  readonly symbol: string;
}

export const symbol = (name: string): EnumName => ({ symbol: name });

type Scalar = string | number | EnumName;

/** A message as plain data; a list of messages is a repeated field. */
export interface Message {
  readonly [field: string]: Scalar | readonly number[] | Message | readonly Message[];
}

/** A message in protobuf's text format. */
export function protobufText(message: Message): string {
  return fields(message, "");
}

function fields(message: Message, indent: string): string {
  return Object.entries(message)
    .map(([name, value]) => field(name, value, indent))
    .join("");
}

function field(name: string, value: Message[string], indent: string): string {
  if (typeof value === "string" || typeof value === "number") return `${indent}${name}: ${scalar(value)}\n`;
  if (isEnumName(value)) return `${indent}${name}: ${value.symbol}\n`;
  if (!isList(value)) return `${indent}${name} {\n${fields(value, `${indent}  `)}${indent}}\n`;
  if (isNumbers(value)) return `${indent}${name}: [${value.length === 0 ? "" : ` ${value.join(", ")} `}]\n`;
  return value.map((message) => field(name, message, indent)).join("");
}

/** For the characters of names and paths, protobuf quotes as JSON does. */
const scalar = (value: string | number): string => (typeof value === "string" ? JSON.stringify(value) : `${value}`);

const isEnumName = (value: object): value is EnumName => "symbol" in value && typeof value.symbol === "string";
const isList = (value: object): value is readonly number[] | readonly Message[] => Array.isArray(value);
const isNumbers = (value: readonly number[] | readonly Message[]): value is readonly number[] =>
  value.every((item) => typeof item === "number");

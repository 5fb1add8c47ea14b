import { EXACT_BYTES, PickleError, type PickleReader } from "./pickleReader.js";
import { isKind, isList, type PickleDict, type PickleList, type PickleOpaque, type PickleValue } from "./values.js";

/** What is known about the names in a pickle. Neither function runs anything from the pickle. */
export interface PickleWorld {
  /** What a call of a class or function stands for; its cost, beyond a fixed price, is passed to `spend`. */
  call(callee: string, args: readonly PickleValue[], spend: Spend): PickleValue;
  /** What an object kept outside the pickle stands for. */
  persistent(id: PickleValue): PickleValue;
}

/**
 * Counts bytes made and entries visited in calls. A pickle's own bytes pay for them: each thing is in the pickle once,
 * while two-byte references to it could request the same work again and again.
 *
 * @throws PickleError when there is more than the bytes read so far can need
 */
export type Spend = (amount: number) => void;

/** Far more than checkpoints have, and little enough to bound memory and time. */
const LIMITS = {
  opcodes: 8_000_000,
  /** Containers and names made, entries put into containers, values kept for reference, and large integers. */
  values: 2_000_000,
  /** Containers and names among these: each takes up to 300 bytes. */
  made: 1_000_000,
  stack: 2_000_000,
  marks: 10_000,
  longBytes: 256,
  nameLength: 1000,
  /** Work in calls: the initial allowance, and more for each byte read. */
  work: { base: 1 << 20, perByte: 4 },
} as const;
const MARK = Symbol("mark");
type StackItem = PickleValue | typeof MARK;

interface Machine {
  readonly reader: PickleReader;
  readonly world: PickleWorld;
  readonly stack: StackItem[];
  readonly memo: Map<number, PickleValue>;
  readonly spend: Spend;
  values: number;
  made: number;
  marks: number;
}

/**
 * Reads one pickle, protocols 2 to 5 (Python's pickletools.py tells what each opcode means), as data. Globals stay
 * names, calls are passed to `world`, objects of unknown classes become placeholders.
 *
 * @throws PickleError when the bytes are not such a pickle; EndOfBytes (from the reader) when they end too early
 */
export function unpickle(reader: PickleReader, world: PickleWorld): PickleValue {
  const spend = meter(reader);
  const machine: Machine = { reader, world, stack: [], memo: new Map(), spend, values: 0, made: 0, marks: 0 };
  for (let count = 0; count < LIMITS.opcodes; count++) {
    const code = reader.byte();
    if (code === STOP) {
      const value = pop(machine);
      if (machine.stack.length > 0) throw new PickleError("leaves values behind");
      return value;
    }
    const operate = OPERATIONS[code];
    if (operate === undefined) throw new PickleError(unknownOpcode(code));
    operate(machine);
    if (machine.stack.length > LIMITS.stack) throw new PickleError(`stacks more than ${LIMITS.stack} values`);
  }
  throw new PickleError(`has more than ${LIMITS.opcodes} instructions`);
}

const STOP = 0x2e;

function meter(reader: PickleReader): Spend {
  const { base, perByte } = LIMITS.work;
  let spent = 0;
  return (amount) => {
    spent += amount;
    if (spent > base + perByte * reader.position) {
      throw new PickleError(
        `expands its bytes far beyond what they can hold (byte ${reader.position}); refused as damaged or malicious`,
      );
    }
  };
}

/** Counts values that are kept. */
function keep(machine: Machine, count: number): void {
  machine.values += count;
  if (machine.values > LIMITS.values) throw new PickleError(`holds more than ${LIMITS.values} values`);
}

function unknownOpcode(code: number): string {
  const text = `0x${code.toString(16).padStart(2, "0")}`;
  return `has the instruction ${text}, which is none of protocols 2 to 5`;
}

function pop({ stack }: Machine): PickleValue {
  const value = stack.pop();
  if (value === undefined || value === MARK) throw new PickleError("takes a value from an empty stack");
  return value;
}

function top({ stack }: Machine): PickleValue {
  const value = stack.at(-1);
  if (value === undefined || value === MARK) throw new PickleError("looks at an empty stack");
  return value;
}

function popToMark(machine: Machine): PickleValue[] {
  const { stack } = machine;
  const start = stack.lastIndexOf(MARK);
  if (start < 0) throw new PickleError("takes values up to a mark that is not there");
  machine.marks--;
  const items = stack.splice(start);
  items.shift();
  return items as PickleValue[];
}

function made<T extends PickleValue>(machine: Machine, value: T): T {
  keep(machine, 1);
  if (++machine.made > LIMITS.made) throw new PickleError(`holds more than ${LIMITS.made} containers and names`);
  return value;
}

const listOf = (kind: "list" | "tuple", items: PickleValue[]): PickleList => ({ kind, items });
const emptyDict = (): PickleDict => ({ kind: "dict", entries: new Map() });

function pushTuple(machine: Machine, length: number): void {
  const items: PickleValue[] = [];
  for (let i = 0; i < length; i++) items.unshift(pop(machine));
  machine.stack.push(made(machine, listOf("tuple", items)));
}

function append(machine: Machine, items: readonly PickleValue[]): void {
  const target = top(machine);
  keep(machine, items.length);
  if (isList(target) && target.kind === "list") for (const item of items) target.items.push(item);
  else if (!isKind(target, "opaque")) throw new PickleError("appends to something that is not a list");
}

function setItems(machine: Machine, items: readonly PickleValue[]): void {
  if (items.length % 2 === 1) throw new PickleError("sets a key without a value");
  const target = top(machine);
  if (isKind(target, "opaque")) return;
  keep(machine, items.length / 2);
  if (!isKind(target, "dict")) throw new PickleError("sets a key of something that is not a dictionary");
  for (let i = 0; i < items.length; i += 2) target.entries.set(items[i]!, items[i + 1]!);
}

function memoise(machine: Machine, index: number, value: PickleValue): void {
  keep(machine, 1);
  machine.memo.set(index, value);
}

function recall({ memo, stack }: Machine, index: number): void {
  const value = memo.get(index);
  if (value === undefined) throw new PickleError(`refers to value ${index}, which was never kept`);
  stack.push(value);
}

/** A call of a class, or of the function that an object names for rebuilding it. */
function call(machine: Machine, callee: PickleValue, args: PickleValue): void {
  if (!isList(args)) throw new PickleError("calls something without a tuple of arguments");
  machine.stack.push(
    made(
      machine,
      isKind(callee, "global") ? machine.world.call(callee.name, args.items, machine.spend) : unknown(callee),
    ),
  );
}

/** The result of calling something that is not a name. */
function unknown(callee: PickleValue): PickleOpaque {
  if (isKind(callee, "opaque")) return callee;
  throw new PickleError("calls something that is not a class or function");
}

/** An object's state: dropped, because no object is built. */
function build(machine: Machine): void {
  pop(machine);
  top(machine);
}

function long(machine: Machine, length: number): void {
  if (length > LIMITS.longBytes) throw new PickleError(`has an integer of ${length} bytes`);
  if (length > EXACT_BYTES) keep(machine, 1); // a large one takes longer to read than anything else of its size
  machine.stack.push(machine.reader.signed(length));
}

function global(machine: Machine, module: string, name: string): void {
  if (module.length + name.length > LIMITS.nameLength)
    throw new PickleError("names a class by a text of absurd length");
  machine.stack.push(made(machine, { kind: "global", name: `${module}.${name}` }));
}

type Operation = (machine: Machine) => void;

const push =
  (read: (reader: PickleReader) => PickleValue): Operation =>
  ({ stack, reader }) => {
    stack.push(read(reader));
  };

/** What each opcode does. */
const OPERATIONS: Readonly<Record<number, Operation>> = {
  128: ({ reader }) => {
    const protocol = reader.byte();
    if (protocol > 5) throw new PickleError(`is of protocol ${protocol}; protocols 2 to 5 can be read`);
  }, // PROTO
  149: ({ reader }) => void reader.length64(), // FRAME
  40: (machine) => {
    if (++machine.marks > LIMITS.marks) throw new PickleError("nests too deeply");
    machine.stack.push(MARK);
  }, // MARK
  48: (machine) => {
    if (machine.stack.at(-1) === MARK) {
      machine.marks--;
      machine.stack.pop();
    } else pop(machine);
  }, // POP
  49: (machine) => void popToMark(machine), // POP_MARK
  50: (machine) => void machine.stack.push(top(machine)), // DUP

  78: push(() => null), // NONE
  136: push(() => true), // NEWTRUE
  137: push(() => false), // NEWFALSE
  74: push((reader) => reader.int32()), // BININT
  75: push((reader) => reader.byte()), // BININT1
  77: push((reader) => reader.uint16()), // BININT2
  138: (machine) => long(machine, machine.reader.byte()), // LONG1
  139: (machine) => long(machine, machine.reader.uint32()), // LONG4
  71: push((reader) => reader.float64()), // BINFLOAT
  // Python 2's str, which names were made of.
  84: push((reader) => reader.text(reader.uint32(), "latin1")), // BINSTRING
  85: push((reader) => reader.text(reader.byte(), "latin1")), // SHORT_BINSTRING
  140: push((reader) => reader.text(reader.byte(), "utf8")), // SHORT_BINUNICODE
  88: push((reader) => reader.text(reader.uint32(), "utf8")), // BINUNICODE
  141: push((reader) => reader.text(reader.length64(), "utf8")), // BINUNICODE8
  67: push((reader) => reader.bytes(reader.byte())), // SHORT_BINBYTES
  66: push((reader) => reader.bytes(reader.uint32())), // BINBYTES
  142: push((reader) => reader.bytes(reader.length64())), // BINBYTES8
  150: push((reader) => reader.bytes(reader.length64())), // BYTEARRAY8

  93: (machine) => void machine.stack.push(made(machine, listOf("list", []))), // EMPTY_LIST
  41: (machine) => pushTuple(machine, 0), // EMPTY_TUPLE
  133: (machine) => pushTuple(machine, 1), // TUPLE1
  134: (machine) => pushTuple(machine, 2), // TUPLE2
  135: (machine) => pushTuple(machine, 3), // TUPLE3
  116: (machine) => void machine.stack.push(made(machine, listOf("tuple", popToMark(machine)))), // TUPLE
  108: (machine) => void machine.stack.push(made(machine, listOf("list", popToMark(machine)))), // LIST
  125: (machine) => void machine.stack.push(made(machine, emptyDict())), // EMPTY_DICT
  100: (machine) => {
    const items = popToMark(machine);
    machine.stack.push(made(machine, emptyDict()));
    setItems(machine, items);
  }, // DICT
  143: (machine) => void machine.stack.push(made(machine, listOf("list", []))), // EMPTY_SET
  145: (machine) => void machine.stack.push(made(machine, listOf("tuple", popToMark(machine)))), // FROZENSET
  97: (machine) => {
    const item = pop(machine);
    append(machine, [item]);
  }, // APPEND
  101: (machine) => {
    const items = popToMark(machine);
    append(machine, items);
  }, // APPENDS
  144: (machine) => {
    const items = popToMark(machine);
    append(machine, items);
  }, // ADDITEMS
  115: (machine) => {
    const value = pop(machine);
    const key = pop(machine);
    setItems(machine, [key, value]);
  }, // SETITEM
  117: (machine) => {
    const items = popToMark(machine);
    setItems(machine, items);
  }, // SETITEMS

  113: (machine) => memoise(machine, machine.reader.byte(), top(machine)), // BINPUT
  114: (machine) => memoise(machine, machine.reader.uint32(), top(machine)), // LONG_BINPUT
  148: (machine) => memoise(machine, machine.memo.size, top(machine)), // MEMOIZE
  104: (machine) => recall(machine, machine.reader.byte()), // BINGET
  106: (machine) => recall(machine, machine.reader.uint32()), // LONG_BINGET

  99: (machine) => global(machine, machine.reader.line(), machine.reader.line()), // GLOBAL
  147: (machine) => {
    const [name, module] = [pop(machine), pop(machine)];
    if (typeof name !== "string" || typeof module !== "string")
      throw new PickleError("names a class by something other than text");
    global(machine, module, name);
  }, // STACK_GLOBAL
  82: (machine) => {
    const args = pop(machine);
    call(machine, pop(machine), args);
  }, // REDUCE
  129: (machine) => {
    const args = pop(machine);
    call(machine, pop(machine), args);
  }, // NEWOBJ
  146: (machine) => {
    pop(machine); // keywords
    const args = pop(machine);
    call(machine, pop(machine), args);
  }, // NEWOBJ_EX
  111: (machine) => {
    const [callee, ...args] = popToMark(machine);
    if (callee === undefined) throw new PickleError("calls nothing");
    call(machine, callee, listOf("tuple", args));
  }, // OBJ
  105: (machine) => {
    const args = listOf("tuple", popToMark(machine));
    global(machine, machine.reader.line(), machine.reader.line());
    call(machine, pop(machine), args);
  }, // INST
  98: build, // BUILD
  81: (machine) => void machine.stack.push(made(machine, machine.world.persistent(pop(machine)))), // BINPERSID
};

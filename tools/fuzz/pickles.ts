import type { Random } from "../../lib/random.js";
import { global, integer, op, raw, tensor, text } from "../../test/support/pickles.js";
import { anyName, oneOf } from "./words.js";

/* Random pickles that mostly keep to the rules: the stack is tracked, so that instructions find their arguments. */

const NAMES = [
  ...["collections.OrderedDict", "collections.Counter", "collections.defaultdict", "builtins.set", "torch.Size"],
  ...["torch.nn.parameter.Parameter", "torch._utils._rebuild_parameter", "torch._tensor._rebuild_from_type_v2"],
  ...["torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3"],
  ...["_codecs.encode", "torch.FloatStorage", "torch.float8_e4m3fn", "argparse.Namespace", "os.system"],
];

const SIZES = [0, 1, 2, 3, 4, 5, 7, 1000, -1, 2 ** 31, 2 ** 40, 2 ** 53 - 1, -(2 ** 31)];

const anySizes = (random: Random): number[] => Array.from({ length: random.integer(4) }, () => oneOf(random, SIZES));

function anyTensor(random: Random): Buffer {
  if (random.integer(2) === 0) return tensor({ offset: random.integer(2), shape: [random.integer(4)], strides: [1] });
  const shape = anySizes(random);
  const strides = random.integer(4) === 0 ? anySizes(random) : shape.map(() => oneOf(random, SIZES));
  return tensor({ count: oneOf(random, SIZES), offset: oneOf(random, SIZES), key: anyName(random), shape, strides });
}

/** Push one value, whatever is on the stack. */
const PUSHES: readonly ((random: Random) => Buffer)[] = [
  () => raw("N"),
  () => op(0x88),
  (random) => op(0x4b, random.integer(256)),
  (random) => integer(oneOf(random, SIZES)),
  (random) => text(anyName(random)),
  (random) => text("x".repeat(10 ** random.integer(5))),
  () => text("latin1"),
  () => raw("]"),
  () => raw("}"),
  () => raw(")"),
  () => op(0x8f),
  (random) => global(oneOf(random, NAMES)),
  (random) => global(oneOf(random, NAMES)),
  anyTensor,
];

/** Instructions that pop and push values: how many they need, and by how many the stack grows. */
const OTHERS: readonly (readonly [needs: number, grows: number, make: (random: Random) => Buffer])[] = [
  [1, 1, () => raw("2")], // DUP
  [1, -1, () => raw("0")], // POP
  [1, 0, () => op(0x85)],
  [2, -1, () => op(0x86)],
  [3, -2, () => op(0x87)],
  [2, -1, () => raw("a")], // APPEND
  [3, -2, () => raw("s")], // SETITEM
  [2, -1, () => raw("R")], // REDUCE
  [2, -1, () => raw("R")],
  [2, -1, () => op(0x81)], // NEWOBJ
  [2, -1, () => raw("b")], // BUILD
  [1, 0, () => raw("Q")], // BINPERSID
  [1, 0, (random) => op(0x71, random.integer(8))], // BINPUT
  [1, 0, (random) => op(0x71, random.integer(8))],
  [0, 1, (random) => op(0x68, random.integer(8))], // BINGET
  [0, 1, (random) => op(0x68, random.integer(8))],
  [2, -1, () => op(0x93)], // STACK_GLOBAL
];

/** Random instructions that leave their values on the stack. */
function program(random: Random, length: number): Buffer {
  const parts: Buffer[] = [];
  let height = 0;
  for (let i = 0; i < length; i++) {
    const possible = OTHERS.filter(([needs]) => needs <= height);
    if (random.integer(2) === 0 || possible.length === 0) {
      parts.push(oneOf(random, PUSHES)(random));
      height++;
    } else {
      const [, grows, make] = oneOf(random, possible);
      parts.push(make(random));
      height += grows;
    }
  }
  return Buffer.concat(parts);
}

/** A pickle of the list of values that random instructions leave, some repeated thousands of times. */
export function anyPickle(random: Random): Buffer {
  const start = Array.from({ length: 8 }, (_, i) =>
    Buffer.concat([oneOf(random, PUSHES)(random), op(0x71, i), raw("0")]),
  );
  const parts = [...start, raw("](")];
  for (let i = 0; i < 1 + random.integer(4); i++) {
    const bytes = program(random, 1 + random.integer(12));
    const most = Math.floor(300_000 / (bytes.length + 1));
    const times = random.integer(4) === 0 ? Math.min(most, Math.floor(10 ** random.uniform(0, 5.3))) : 1;
    parts.push(Buffer.concat(Array.from({ length: times }, () => bytes)));
  }
  return Buffer.concat([...parts, raw("e")]);
}

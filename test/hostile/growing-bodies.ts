// Bodies that grow: depth, width, keys, repetition, runs of one class of characters over all of Unicode. Pure; the caller brings the dice.

import { between } from '../../bench/random.ts';

/** Numbers in [0, 1). */
export type Dice = () => number;

/** JSON text of about so many bytes, or somewhat more than JSON. */
type Growth = (dice: Dice, bytes: number) => string;

/**
 * One of a route's examples with one value in it grown to about `bytes`, or an unknown field that is.
 *
 * @param example a body the route answers
 * @returns JSON text, mostly
 */
export function growingBody(dice: Dice, example: object, bytes: number): string {
  const fields = Object.entries(example).map(([name, value]) => [name, JSON.stringify(value)] as const);
  const grown = pick(dice, GROWTHS)(dice, bytes);
  const at = Math.floor(dice() * (fields.length + 1));
  const members = fields.map(
    ([name, value], index) => `${JSON.stringify(name)}:${index === at ? placed(dice, value, grown) : value}`,
  );
  if (at === fields.length) members.push(`"unknown":${grown}`);
  return `{${members.join(',')}}`;
}

/** As the value itself, or as an item of the list the value was. */
function placed(dice: Dice, value: string, grown: string): string {
  if (!value.startsWith('[') || dice() < 0.3) return grown;
  return `${value.slice(0, -1)}${value === '[]' ? '' : ','}${grown}]`;
}

function pick<Item>(dice: Dice, items: readonly Item[]): Item {
  return items[Math.floor(dice() * items.length)]!;
}

const nested =
  (open: string, close: string): Growth =>
  (_dice, bytes) => {
    const depth = Math.ceil(bytes / (open.length + close.length));
    return `${open.repeat(depth)}0${close.repeat(depth)}`;
  };

const ITEMS = ['{}', '[]', '0', 'null', '""', '"a"', '{"text":"a"}', '["a","b"]', '{"a":{}}', '1e308', '"\\u0000"'];

const wide: Growth = (dice, bytes) => {
  const item = pick(dice, ITEMS);
  const count = Math.max(1, Math.floor(bytes / (item.length + 1)));
  return `[${`${item},`.repeat(count - 1)}${item}]`;
};

const manyKeys: Growth = (_dice, bytes) => {
  const count = Math.max(1, Math.floor(bytes / 12));
  return `{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',')}}`;
};

const oneKeyAgain: Growth = (_dice, bytes) => `{${'"text":"a",'.repeat(Math.ceil(bytes / 11))}"text":"a"}`;

const longKey: Growth = (dice, bytes) => `{${JSON.stringify(run(dice, bytes))}:0}`;

/** Equal but for their ends, and of one length. */
const equalLengths: Growth = (dice, bytes) => {
  const each = pick(dice, [1000, 16_384, 20_000]);
  const text = 'x'.repeat(each - 8);
  return `[${Array.from({ length: Math.max(1, Math.floor(bytes / each)) }, (_, index) => `"${text}${String(index).padStart(8, '0')}"`).join(',')}]`;
};

const longNumber: Growth = (dice, bytes) => `${pick(dice, ['1', '0.', '-1', '1e'])}${pick(dice, ['0', '1', '9']).repeat(bytes)}`;
const padding: Growth = (dice, bytes) => `${pick(dice, [' ', '\n', '\t', '\r\n']).repeat(bytes)}0`;
const escapes: Growth = (dice, bytes) =>
  `"${pick(dice, ['\\u0061', '\\ud800', '\\\\', '\\"', '\\u0130']).repeat(Math.ceil(bytes / 6))}"`;
const longString: Growth = (dice, bytes) => JSON.stringify(run(dice, bytes));
/** One string in pieces: many words, each a run. */
const words: Growth = (dice, bytes) => JSON.stringify(`${run(dice, 40)} `.repeat(Math.ceil(bytes / 41)));

const GROWTHS: readonly Growth[] = [
  nested('[', ']'),
  nested('{"a":', '}'),
  nested('[{"text":', '}]'),
  wide,
  wide,
  manyKeys,
  oneKeyAgain,
  longKey,
  equalLengths,
  longNumber,
  padding,
  escapes,
  longString,
  longString,
  longString,
  words,
];

/** Characters known to be dear somewhere: they expand, combine, join, have no case of their own, stand alone or direct the line. */
const DEAR = [
  '\u0130',
  '\ufdfa',
  '\u1e9e',
  '\u200d',
  '\ufe0f',
  '\u3099',
  '\ud800',
  '\u202e',
  '\u0345',
  '\u1100',
  '\u{1f468}\u200d',
  '\u{1f1e6}',
];

/** One class of characters, or two, one run after the other, behind a letter: what stacks on a letter is sorted by class. */
function run(dice: Dice, bytes: number): string {
  const half = Math.ceil(bytes / 4);
  const first = unit(dice);
  return dice() < 0.5
    ? first.repeat(Math.ceil(bytes / Buffer.byteLength(first)))
    : `a${first.repeat(half)}${unit(dice).repeat(half)}`;
}

function unit(dice: Dice): string {
  return dice() < 0.4 ? pick(dice, DEAR) : pick(dice, pick(dice, CLASSES));
}

/** General category -> some of its characters: of every one of Unicode but surrogates, which DEAR has. */
const CLASSES: readonly (readonly string[])[] = Object.values(charactersByCategory());

function charactersByCategory(): Record<string, string[]> {
  const names = 'Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn'.split(' ');
  const byName: Record<string, string[]> = Object.fromEntries(names.map((name) => [name, []]));
  const patterns = names.map((name) => [name, new RegExp(`^\\p{gc=${name}}$`, 'u')] as const);
  for (let code = 0; code < 0x30000; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    const name = patterns.find(([, pattern]) => pattern.test(character))?.[0];
    // Some of each, from all over the planes: the first hundred alone would be Latin and Greek.
    if (name !== undefined && (byName[name]!.length < 20 || code % 97 === 0)) byName[name]!.push(character);
  }
  return byName;
}

/** Small ones mostly, so that there can be many; sometimes as large as allowed. */
export function growingBytes(dice: Dice, largest: number): number {
  return between(dice, 1, Math.round(10 ** (2 + dice() * (Math.log10(largest) - 2))));
}

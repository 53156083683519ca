// The scanner and the parser in pieces against JSON.parse: same values, same positions of errors, whatever the chunks are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RerankError } from '../../../src/errors.ts';
import { BodyBytes } from '../../../src/http/body/body-bytes.ts';
import type { BodyLimits } from '../../../src/http/body/body-limits.ts';
import { TURN_WORK } from '../../../src/http/body/field-lists.ts';
import { JsonScanner } from '../../../src/http/body/json-scanner.ts';
import { parseBody } from '../../../src/http/body/parse-json.ts';
import { SharedTurns } from '../../../src/rerank/turns.ts';

const NO_LIMITS: BodyLimits = { bytes: 1e9, depth: 1000, values: 1e9, valuesOfPart: 1e9, keysOfObject: 1e9, newKeys: 1e9 };

const SEED = { seed: 11, numRuns: 300 };

/** Cuts bytes at the places given. */
function chunksOf(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts
    .slice(1)
    .map((end, index) => bytes.subarray(cuts[index]!, end))
    .filter((chunk) => chunk.length > 0);
}

interface Read {
  readonly scan: JsonScanner;
  readonly value: unknown;
}

async function read(bytes: Buffer, places: readonly number[] = [], limits = NO_LIMITS): Promise<Read> {
  const scan = new JsonScanner(limits);
  const store = new BodyBytes();
  for (const chunk of chunksOf(bytes, places)) {
    scan.scan(chunk);
    store.append(chunk);
  }
  scan.end();
  return { scan, value: await parseBody(store, scan, { turns: new SharedTurns(), isGone: () => false }) };
}

/** What JSON.parse says of it, as an answer would say it. */
function messageOfJsonParse(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    return `the body is not valid JSON${position === undefined ? '' : ` (at position ${position})`}`;
  }
}

async function messageOf(bytes: Buffer, places: readonly number[] = []): Promise<string | null> {
  try {
    await read(bytes, places);
    return null;
  } catch (error) {
    assert.ok(error instanceof RerankError && error.code === 'malformed_body', String(error));
    return error.message;
  }
}

interface Counted {
  lists: number;
  objects: number;
  texts: number;
  scalars: number;
}

function count(value: unknown, counted: Counted = { lists: 0, objects: 0, texts: 0, scalars: 0 }): Counted {
  if (Array.isArray(value)) counted.lists += 1;
  else if (typeof value === 'object' && value !== null) counted.objects += 1;
  else if (typeof value === 'string') counted.texts += 1;
  else counted.scalars += 1;
  if (typeof value === 'object' && value !== null) for (const child of Object.values(value)) count(child, counted);
  return counted;
}

const places = fc.array(fc.nat(), { maxLength: 12 });

test('a text is counted as JSON.parse sees it, wherever its chunks end', async () => {
  const property = fc.asyncProperty(fc.json({ stringUnit: 'binary' }), places, async (text, cuts) => {
    const bytes = Buffer.from(text);
    const { scan, value } = await read(bytes, cuts);
    assert.deepEqual(value, JSON.parse(bytes.toString()));
    const { lists, objects, texts, scalars } = scan;
    const expected = count(value);
    assert.ok(lists >= expected.lists && objects >= expected.objects && texts >= expected.texts); // names that come twice
    if (!/"(?:[^"\\]|\\.)*"\s*:/.test(text)) assert.deepEqual({ lists, objects, texts, scalars }, expected);
    assert.equal(scan.length, bytes.length);
  });
  await fc.assert(property, SEED);
});

/** Texts of fields and entries that are hard to tell apart, blown up to more than one piece. */
const entry = fc.oneof(
  fc.json({ maxDepth: 2 }),
  fc.constantFrom(
    '[0]',
    '"],["',
    '"\\\\"',
    '"\\""',
    '{"__proto__":[1]}',
    '"熊猫 😀"',
    '[[1],[2]]',
    '"\\u005d"',
    '-1.5e3',
    ' null ',
  ),
);

const field = fc.tuple(
  fc.constantFrom('a', 'documents', '__proto__', '', '0', '\\u0061', 'b'),
  fc.oneof(
    entry,
    fc.tuple(fc.array(entry, { maxLength: 6 }), fc.constantFrom(1, 7000, 30_000)).map(([entries, times]) => {
      const all = times === 1 ? entries : Array.from({ length: times }, (_, index) => entries[index % entries.length] ?? '7');
      return `[${all.join(',')}]`;
    }),
  ),
);

const largeText = fc
  .array(field, { maxLength: 4 })
  .map(
    (fields) => `{"pad":"${'p'.repeat(2 * TURN_WORK)}",${fields.map(([name, value]) => `"${name}":${value},`).join('')}"end":[]}`,
  );

test('a large body parsed in pieces is what JSON.parse makes of it', async () => {
  const property = fc.asyncProperty(largeText, places, async (text, cuts) => {
    const { value } = await read(Buffer.from(text), cuts);
    assert.deepEqual(value, JSON.parse(text));
    assert.equal(JSON.stringify(value), JSON.stringify(JSON.parse(text)), 'the order of keys, too');
  });
  await fc.assert(property, { seed: 5, numRuns: 25 });
});

test('the position of an error is that of JSON.parse, in small bodies and in pieces', async () => {
  const mutation = fc.tuple(
    fc.nat(),
    fc.constantFrom('', ',', ']', '[', '}', '{', '"', ':', 'x', '1', ',,', '\u0001', '\\', '😀'),
  );
  const spoil = (text: string, [seed, put]: readonly [number, string], drop: number) => {
    const at = seed % (text.length + 1);
    const spoilt = text.slice(0, at) + put + text.slice(at + drop);
    return Buffer.from(spoilt).toString(); // half a character becomes U+FFFD
  };
  const check = async (text: string) =>
    assert.equal(await messageOf(Buffer.from(text)), messageOfJsonParse(text), text.slice(-200));
  const small = fc.asyncProperty(fc.json(), mutation, fc.nat(2), (text, change, drop) => check(spoil(text, change, drop)));
  await fc.assert(small, SEED);
  const large = fc.asyncProperty(largeText, mutation, fc.nat(2), (text, change, drop) => check(spoil(text, change, drop)));
  await fc.assert(large, { seed: 3, numRuns: 60 });
  const cut = fc.asyncProperty(largeText, fc.nat(), (text, seed) =>
    check(Buffer.from(text.slice(0, seed % text.length)).toString()),
  );
  await fc.assert(cut, { seed: 4, numRuns: 20 });
});

test('a large body takes a turn of the event loop for each piece', async () => {
  const document = JSON.stringify('d'.repeat(1000));
  const bytes = Buffer.from(`{"query":"q","documents":[${Array.from({ length: 20_000 }, () => document).join(',')}]}`);
  let turns = 0;
  const timer = setInterval(() => {}, 1000);
  const counting = { isOver: false };
  const tick = () => {
    turns += 1;
    if (!counting.isOver) setImmediate(tick);
  };
  setImmediate(tick);
  await read(bytes);
  counting.isOver = true;
  clearInterval(timer);
  const pieces = Math.floor(bytes.length / TURN_WORK);
  assert.ok(turns >= pieces - 1, `${turns} turns for ${pieces} pieces`);
});

test('pieces of many bodies come one a turn', async () => {
  const turns = new SharedTurns();
  let turn = 0;
  let isOver = false;
  const tick = () => {
    turn += 1;
    if (!isOver) setImmediate(tick);
  };
  setImmediate(tick);
  const taken = await Promise.all(Array.from({ length: 5 }, () => turns.next().then(() => turn)));
  isOver = true;
  assert.equal(new Set(taken).size, 5, String(taken));
});

test('a byte order mark is no part of the text', async () => {
  assert.deepEqual((await read(Buffer.from('\ufeff{"a":[1]}'), [1, 2])).value, { a: [1] });
  const large = `{"pad":"${'p'.repeat(2 * TURN_WORK)}","a":[1]}`;
  assert.deepEqual((await read(Buffer.from(`\ufeff${large}`), [1, 2])).value, JSON.parse(large));
});

test('bytes that are not UTF-8 are refused, not replaced', async () => {
  const pad = 'p'.repeat(2 * TURN_WORK);
  for (const wrong of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe4, 0xb8]]) {
    for (const [before, after] of [
      ['"', '"'],
      [`{"pad":"${pad}","a":["`, '"]}'],
    ] as const) {
      const message = await messageOf(Buffer.concat([Buffer.from(before), Buffer.from(wrong), Buffer.from(after)]));
      assert.equal(message, 'the body is not valid UTF-8');
    }
  }
});

// JSON texts nobody should send: a route's own examples with fields dropped, replaced, doubled and added, and JSON of any kind.

import fc from 'fast-check';

/** As they stand in a body; some are no JSON. */
const VALUES = [
  ...[
    'null',
    'true',
    'false',
    '0',
    '-0',
    '-1',
    '0.5',
    '1e308',
    '1e309',
    '-1e309',
    '5e-324',
    '9007199254740992',
    '9007199254740993',
  ],
  ...[
    'NaN',
    '-Infinity',
    'undefined',
    '01',
    "'x'",
    '',
    '""',
    '" \\t"',
    '"x"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\u2028"',
  ],
  ...['[]', '{}', '[[]]', '[null]', '[""]', '["\\ud800"]', '[{}]', '[1e309]', '[["a","b"]]', '["a","b","c"]', '[["a"],"b"]'],
  ...['{"text":"a"}', '{"text":null}', '{"text":{}}', '{"length":3}', '{"toString":1}', '{"then":1}', '{"0":"a"}'],
  ...['{"__proto__":{"text":"a"}}', '{"text":"a","__proto__":null}', '{"text":"a","text":1}', '[{"text":"a","constructor":{}}]'],
  ...['{"content":[{"type":"text","text":"a"}]}', '{"content":[{"type":"image_url"}]}', '{"content":[]}', '{"content":"a"}'],
  ...['"left"', '"Right"', '"chunk"', '"sigmoid"', '"__proto__"', '"constructor"', '["__proto__","toString"]'],
];

const DEPTH = 10_000;

const LARGE_VALUES = [
  '['.repeat(DEPTH) + ']'.repeat(DEPTH),
  `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
  '['.repeat(DEPTH),
  `1${'0'.repeat(5000)}`,
  `[${'0,'.repeat(20_000)}0]`,
  `["${'","'.repeat(2000)}"]`,
  `[{"text":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}]`,
  `{"text":"a","deep":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}`,
];

const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  'length',
  '0',
  '',
  '\\u0000',
  '\\ud800',
];

const value = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 6, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(...LARGE_VALUES) },
);

/** JSON of any kind, sometimes none. */
export const anyText: fc.Arbitrary<string> = fc.oneof(value, fc.json(), fc.json({ stringUnit: 'binary' }));

/** A node of an example is named by its path: `/documents/0`, the whole by ``. */
type Edits = ReadonlyMap<string, string | null>;

/** @param fields names the route's schema knows, which are added more often than others */
export function mutatedExample(example: object, fields: readonly string[]): fc.Arbitrary<string> {
  const path = fc.constantFrom(...pathsOf(example, '').slice(1));
  const edit = fc.tuple(path, fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 4, arbitrary: value }));
  const key = fc.constantFrom(...fields, ...fields, ...KEYS);
  const edits = fc.array(edit, { maxLength: 2 });
  const added = fc.array(fc.tuple(key, value), { maxLength: 3 });
  return fc.tuple(edits, added).map(([changes, extra]) => write(example, '', new Map(changes), extra) ?? '');
}

function pathsOf(node: unknown, path: string): string[] {
  if (typeof node !== 'object' || node === null) return [path];
  return [path, ...Object.entries(node).flatMap(([key, child]) => pathsOf(child, `${path}/${key}`))];
}

/** @returns null for a node that is dropped */
function write(node: unknown, path: string, edits: Edits, added: readonly (readonly [string, string])[] = []): string | null {
  const edit = edits.get(path);
  if (edit !== undefined) return edit;
  if (Array.isArray(node)) {
    const items = node.map((item, index) => write(item, `${path}/${index}`, edits));
    return `[${items.filter((item) => item !== null).join(',')}]`;
  }
  if (typeof node !== 'object' || node === null) return JSON.stringify(node);
  const fields = Object.entries(node).map(([key, child]) => [key, write(child, `${path}/${key}`, edits)] as const);
  const kept = [...fields, ...added].filter(([, text]) => text !== null);
  return `{${kept.map(([key, text]) => `"${key}":${text}`).join(',')}}`;
}

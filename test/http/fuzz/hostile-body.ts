// Bodies as they go over the wire: JSON texts, whole or cut, in right and wrong encodings, compressions and media types.

import { isUtf8 } from 'node:buffer';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Route } from '../../../src/http/dialects/dialect.ts';
import { anyText, mutatedExample } from './json-texts.ts';
import { fieldsOf } from './targets.ts';

export interface HostileBody {
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** What a reader of JSON sees when the bytes can be turned into text; null when they cannot, undefined when that is open. */
  readonly text: string | null | undefined;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** Bodies for one route. */
export function hostileBody(route: Route): fc.Arbitrary<HostileBody> {
  const fields = fieldsOf(route);
  const mutated = fc.oneof(...route.examples.map((example) => mutatedExample(example, fields)));
  return fc.oneof(
    { weight: 10, arbitrary: mutated.map(plain) },
    { weight: 3, arbitrary: anyText.map(plain) },
    { weight: 2, arbitrary: fc.tuple(mutated, fc.double({ min: 0, max: 1, noNaN: true })).map(cut) },
    { weight: 2, arbitrary: fc.tuple(mutated, fc.nat(), fc.constantFrom(...WRONG_UTF8)).map(spoilt) },
    { weight: 2, arbitrary: fc.tuple(mutated, fc.constantFrom(...CHARSETS)).map(encoded) },
    { weight: 1, arbitrary: fc.tuple(mutated, fc.constantFrom(...MEDIA_TYPES)).map(typed) },
    { weight: 3, arbitrary: fc.tuple(mutated, fc.constantFrom(...COMPRESSIONS), damage).map(compressed) },
    { weight: 1, arbitrary: fc.tuple(mutated, fc.constantFrom(...WRONG_COMPRESSIONS)).map(misnamed) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map(raw) },
    {
      weight: 1,
      arbitrary: mutated.map((text) => ({ ...plain(text), headers: { ...JSON_TYPE, 'transfer-encoding': 'chunked' } })),
    },
  );
}

function plain(text: string): HostileBody {
  return { bytes: Buffer.from(text), headers: JSON_TYPE, text };
}

function raw(bytes: Uint8Array): HostileBody {
  return { bytes, headers: JSON_TYPE, text: isUtf8(bytes) ? new TextDecoder().decode(bytes) : null };
}

function cut([text, share]: readonly [string, number]): HostileBody {
  const bytes = Buffer.from(text);
  return raw(bytes.subarray(0, Math.floor(bytes.length * share)));
}

/** A stray byte, an overlong NUL, a surrogate, beyond U+10FFFF, half a character, a byte order mark in the middle. */
const WRONG_UTF8 = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe4, 0xb8], [0xef, 0xbb, 0xbf]];

function spoilt([text, seed, wrong]: readonly [string, number, readonly number[]]): HostileBody {
  const bytes = Buffer.from(text);
  const at = seed % (bytes.length + 1);
  return raw(Buffer.concat([bytes.subarray(0, at), Uint8Array.from(wrong), bytes.subarray(at)]));
}

interface Charset {
  readonly named: string | null;
  readonly encode: (text: string) => Uint8Array;
  readonly readable: boolean;
}

const utf8 = (text: string) => Buffer.from(text);
const utf16le = (text: string) => Buffer.from(text, 'utf16le');
const utf16be = (text: string) => utf16le(text).swap16();
const utf32le = (text: string) => Buffer.from(Uint32Array.from(text, (character) => character.codePointAt(0)!).buffer);
const utf32be = (text: string) => utf32le(text).swap32();
const marked = (encode: (text: string) => Uint8Array) => (text: string) => encode(`\ufeff${text}`);

const CHARSETS: readonly Charset[] = [
  { named: 'utf-8', encode: marked(utf8), readable: true },
  { named: 'utf-16le', encode: utf16le, readable: true },
  { named: 'utf-16be', encode: marked(utf16be), readable: true },
  { named: 'utf-16', encode: marked(utf16le), readable: true },
  { named: 'utf-16', encode: marked(utf16be), readable: true },
  { named: 'UTF-32', encode: marked(utf32le), readable: false },
  { named: 'utf-32be', encode: utf32be, readable: false },
  { named: 'utf-7', encode: utf8, readable: false },
  { named: 'us-ascii', encode: utf8, readable: true },
  { named: null, encode: marked(utf16le), readable: false },
  { named: null, encode: marked(utf16be), readable: false },
  { named: null, encode: marked(utf32le), readable: false },
  { named: 'utf-8', encode: marked(utf32be), readable: false },
  { named: 'utf-16be', encode: utf8, readable: false },
  { named: 'utf-32', encode: utf8, readable: false },
  { named: 'latin1', encode: utf8, readable: false },
  { named: 'utf-nonsense', encode: utf8, readable: false },
  { named: 'utf-__proto__', encode: utf8, readable: false },
];

function encoded([text, { named, encode, readable }]: readonly [string, Charset]): HostileBody {
  const type = named === null ? 'application/json' : `application/json; charset=${named}`;
  return { bytes: encode(text), headers: { 'content-type': type }, text: readable ? text : null };
}

const MEDIA_TYPES = [
  ...[
    '',
    'json',
    'text/plain',
    'text/json',
    '*/*',
    'application/*+json',
    'application/jsonl',
    'application/x-www-form-urlencoded',
  ],
  ...['multipart/form-data; boundary=x', 'application/json, text/plain', 'application/json;', 'application/json;charset'],
  ...[
    'application/json; charset=',
    'application/json; charset="utf-8',
    'application/json; charset=utf-8; charset=gbk',
    '\xe9/json',
  ],
  ...['APPLICATION/JSON', 'application/vnd.api+json', 'application/json; __proto__=x'],
];

function typed([text, type]: readonly [string, string]): HostileBody {
  return { ...plain(text), headers: { 'content-type': type } };
}

const COMPRESSIONS = [
  { named: 'gzip', compress: gzipSync },
  { named: 'deflate', compress: deflateSync },
  { named: 'br', compress: brotliCompressSync },
] as const;

type Damage = { readonly kind: 'none' | 'cut' | 'flip' | 'twice' | 'tail'; readonly seed: number };

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('none', 'cut', 'flip', 'twice', 'tail'),
  seed: fc.nat(),
});

function compressed([text, { named, compress }, { kind, seed }]: readonly [
  string,
  (typeof COMPRESSIONS)[number],
  Damage,
]): HostileBody {
  const bytes = compress(text);
  const headers = { ...JSON_TYPE, 'content-encoding': named };
  const at = seed % bytes.length;
  switch (kind) {
    case 'none':
      return { bytes, headers, text };
    case 'cut':
      return { bytes: bytes.subarray(0, at), headers, text: null };
    case 'flip':
      bytes[at] = bytes[at]! ^ (1 << (seed % 8));
      return { bytes, headers, text: undefined }; // a flipped time stamp harms nothing
    case 'twice':
      return { bytes: compress(bytes), headers, text: null };
    case 'tail':
      return { bytes: Buffer.concat([bytes, Buffer.from('tail')]), headers, text: undefined };
  }
}

const WRONG_COMPRESSIONS = ['gzip', 'br', 'deflate', 'gzip, gzip', 'x-gzip', 'zstd', 'snappy', '__proto__', 'constructor', ','];

function misnamed([text, encoding]: readonly [string, string]): HostileBody {
  return { bytes: Buffer.from(text), headers: { ...JSON_TYPE, 'content-encoding': encoding }, text: null };
}

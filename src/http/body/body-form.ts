// How a body is written on the wire: closed lists of compressions and charsets, and what turns each into bytes of UTF-8.

import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, type Zlib } from 'node:zlib';
import { RerankError } from '../../errors.ts';

/** Inflates; `bytesWritten` counts what it has taken in so far. */
export type Inflater = Transform & Zlib;

/** UTF-16 -> UTF-8, chunk by chunk; null for the end. @throws RerankError `malformed_body` */
export type Transcoder = (chunk: Buffer | null) => Buffer;

const INFLATERS: ReadonlyMap<string, () => Inflater> = new Map([
  ['gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * @param header `Content-Encoding`
 * @returns null when the body is not compressed
 * @throws RerankError `unsupported_media_type` for other compressions, and for several one on the other
 */
export function inflaterFor(header: string | undefined): Inflater | null {
  const name = header?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return null;
  const create = INFLATERS.get(name);
  if (create !== undefined) return create();
  throw new RerankError('unsupported_media_type', 'the body may be compressed once, as Content-Encoding: gzip, deflate or br');
}

const TRANSCODERS: ReadonlyMap<string, () => Transcoder | null> = new Map<string, () => Transcoder | null>([
  ['utf-8', () => null],
  ['utf8', () => null],
  ['us-ascii', () => null], // its texts are texts of UTF-8
  ['utf-16', markedUtf16],
  ['utf-16le', () => utf16('utf-16le')],
  ['utf-16be', () => utf16('utf-16be')],
]);

/**
 * @param contentType header; without a charset the body is UTF-8
 * @returns null for what needs no other reading than UTF-8
 * @throws RerankError `unsupported_media_type` for charsets that are not in the list
 */
export function transcoderFor(contentType: string | undefined): Transcoder | null {
  const names = [...(contentType ?? '').matchAll(/;\s*charset\b\s*=?\s*(?:"([^"]*)"|([^;\s]*))/gi)].map(
    ([, quoted, bare]) => quoted ?? bare ?? '',
  );
  if (names.length === 0) return null;
  const create = names.length === 1 ? TRANSCODERS.get(names[0]!.toLowerCase()) : undefined;
  if (create !== undefined) return create();
  throw new RerankError('unsupported_media_type', 'the charset must be UTF-8 (or UTF-16)');
}

function utf16(label: 'utf-16le' | 'utf-16be'): Transcoder {
  const decoder = new TextDecoder(label, { fatal: true });
  return (chunk) => {
    try {
      return Buffer.from(chunk === null ? decoder.decode() : decoder.decode(chunk, { stream: true }));
    } catch (cause) {
      throw new RerankError('malformed_body', 'the body is not valid UTF-16', { cause });
    }
  };
}

/** The byte order mark decides; without one it is little-endian. */
function markedUtf16(): Transcoder {
  let head = Buffer.alloc(0);
  let decode: Transcoder | null = null;
  return (chunk) => {
    if (decode !== null) return decode(chunk);
    head = chunk === null ? head : Buffer.concat([head, chunk]);
    if (head.length < 2 && chunk !== null) return Buffer.alloc(0);
    decode = utf16(head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-16le');
    const text = decode(head);
    return chunk === null ? Buffer.concat([text, decode(null)]) : text;
  };
}

// The byte-level alphabet of GPT-2: every UTF-8 byte as one printable character. Only workers/tokenizer imports it.

import { mapInChunks } from './text-sink.ts';
import { UNENDING, type Work } from './work.ts';

/** Byte -> its character: printable Latin-1 stands for itself, the rest moves to U+0100 and up, in byte order. */
export const BYTE_CHARS: readonly string[] = buildByteChars();

function buildByteChars(): string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let moved = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : 0x100 + moved++));
}

const SAME_IN_BYTES = /^[!-~]*$/;
const ONE_SPACE_THEN_SAME = /^ [!-~]*$/;

/** The text's UTF-8 bytes as characters of the byte alphabet. */
export function applyBytes(text: string, work: Work = UNENDING): string {
  if (SAME_IN_BYTES.test(text)) return text;
  if (ONE_SPACE_THEN_SAME.test(text)) return BYTE_CHARS[0x20]! + text.slice(1);
  return mapInChunks(text, work, bytesOf);
}

function bytesOf(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i += 1) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      out += BYTE_CHARS[code]!;
    } else if (code < 0x800) {
      out += BYTE_CHARS[0xc0 | (code >> 6)]! + BYTE_CHARS[0x80 | (code & 63)]!;
    } else if (code < 0xd800 || code > 0xdfff) {
      out += BYTE_CHARS[0xe0 | (code >> 12)]! + BYTE_CHARS[0x80 | ((code >> 6) & 63)]! + BYTE_CHARS[0x80 | (code & 63)]!;
    } else {
      code = text.codePointAt(i)!;
      i += 1;
      out += BYTE_CHARS[0xf0 | (code >> 18)]! + BYTE_CHARS[0x80 | ((code >> 12) & 63)]!;
      out += BYTE_CHARS[0x80 | ((code >> 6) & 63)]! + BYTE_CHARS[0x80 | (code & 63)]!;
    }
  }
  return out;
}

// Pure: bytes in pieces of any size -> lines, in bounded memory.

import { isUtf8 } from 'node:buffer';

/** A longer line (or CSV record) is invalid; it is passed over without being kept in memory. */
export const MAX_LINE_BYTES = 16 * 2 ** 20;

/** One line without its end (`\n` or `\r\n`). */
export interface RawLine {
  /** From 1. */
  readonly number: number;
  /** Null when the line is longer than the limit. Valid until the next call: the bytes belong to the chunk. */
  readonly bytes: Buffer | null;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Cuts a stream of bytes into lines. The last line needs no newline. */
export class LineSplitter {
  readonly #maxBytes: number;
  #number = 0;
  /** The unfinished line's pieces; null once it is too long to keep. */
  #pieces: Buffer[] | null = [];
  #pieceBytes = 0;

  constructor(maxBytes: number = MAX_LINE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that end in this chunk. */
  push(chunk: Buffer): RawLine[] {
    const lines: RawLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The line that had no newline; none when the stream ended with one. */
  end(): RawLine[] {
    return this.#pieceBytes === 0 && this.#pieces !== null ? [] : [this.#take()];
  }

  #keep(piece: Buffer): void {
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > this.#maxBytes) this.#pieces = null;
    else if (piece.length > 0) this.#pieces?.push(piece);
  }

  #take(): RawLine {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#number += 1;
    if (pieces === null) return { number: this.#number, bytes: null };
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    const hasReturn = bytes[bytes.length - 1] === CARRIAGE_RETURN;
    return { number: this.#number, bytes: hasReturn ? bytes.subarray(0, -1) : bytes };
  }
}

/** What is wrong with one line or record; where it is, the reader adds. */
export class InvalidRecord extends Error {
  override readonly name = 'InvalidRecord';
}

/** @throws InvalidRecord when the line was too long or is not UTF-8 */
export function decodeLine({ bytes }: RawLine): string {
  if (bytes === null) throw new InvalidRecord(`longer than ${MAX_LINE_BYTES / 2 ** 20} MiB`);
  return decodeUtf8(bytes);
}

/** @throws InvalidRecord where Node alone would silently put replacement characters */
export function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new InvalidRecord('not valid UTF-8');
  return bytes.toString('utf8');
}

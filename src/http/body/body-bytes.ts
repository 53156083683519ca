// The bytes of one body as they come, kept in blocks: ten thousand chunks of one byte take no more room than one of ten thousand.

import { isAscii, isUtf8 } from 'node:buffer';
import { RerankError } from '../../errors.ts';

const BLOCK_BYTES = 65_536;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const FIRST_OF_FOUR = 0xf0; // a character beyond U+FFFF has four bytes

export class BodyBytes {
  #blocks: Buffer[] = [];
  /** A body that comes in one chunk is not copied. */
  #isOneChunk = true;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(chunk: Buffer): void {
    if (this.#length === 0) this.#blocks = [chunk];
    else this.#fill(chunk);
    this.#length += chunk.length;
  }

  /**
   * Text of a range of bytes, which begins and ends between characters.
   *
   * @throws RerankError `malformed_body` when it is not UTF-8
   */
  text(start: number, end: number): string {
    const bytes = this.#slice(start, end);
    if (isAscii(bytes)) return bytes.toString('latin1');
    if (!isUtf8(bytes)) throw new RerankError('malformed_body', 'the body is not valid UTF-8');
    return bytes.toString('utf8');
  }

  /** The last place at or before an offset, by at most three bytes, where a character begins. */
  characterStart(offset: number): number {
    for (let at = offset; at > offset - 4 && at > 0; at -= 1) if (!isContinuation(this.#slice(at, at + 1)[0] ?? 0)) return at;
    return offset;
  }

  startsWithMark(): boolean {
    return this.#length >= BYTE_ORDER_MARK.length && this.#slice(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  }

  /** Characters of a range as strings count them: those beyond U+FFFF are two. */
  countCharacters(start: number, end: number): number {
    let count = 0;
    for (const byte of this.#slice(start, end)) count += isContinuation(byte) ? 0 : byte < FIRST_OF_FOUR ? 1 : 2;
    return count;
  }

  clear(): void {
    this.#blocks = [];
    this.#isOneChunk = true;
    this.#length = 0;
  }

  #slice(start: number, end: number): Buffer {
    if (this.#isOneChunk) return this.#blocks[0]!.subarray(start, end);
    const first = Math.floor(start / BLOCK_BYTES);
    const from = start - first * BLOCK_BYTES;
    const within = this.#blocks[first]?.subarray(from, from + end - start);
    if (within !== undefined && within.length >= end - start) return within;
    const [head, ...others] = this.#blocks.slice(first, Math.ceil(end / BLOCK_BYTES));
    return Buffer.concat([head!.subarray(from), ...others], end - start);
  }

  #fill(chunk: Buffer): void {
    if (this.#isOneChunk) this.#reblock();
    for (let at = 0; at < chunk.length; ) {
      const used = (this.#length + at) % BLOCK_BYTES;
      if (used === 0) this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES));
      at += chunk.copy(this.#blocks.at(-1)!, used, at);
    }
  }

  /** From the second chunk on there are blocks. */
  #reblock(): void {
    const first = this.#blocks[0]!;
    this.#isOneChunk = false;
    this.#blocks = Array.from({ length: Math.ceil(first.length / BLOCK_BYTES) }, (_, index) => {
      const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      first.copy(block, 0, index * BLOCK_BYTES);
      return block;
    });
  }
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

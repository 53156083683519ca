// Walks the protobuf wire format of a file without reading it: an ONNX file may be gigabytes of weights around some kilobytes of graph.

import { RerankError } from '../../errors.ts';
import { readFully } from './tensor-source.ts';

/** Half-open byte range of a file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One field of a message on disk. */
export interface WireField {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly wireType: number;
  /** Tag and payload. */
  readonly whole: Span;
  /** Payload without tag and length. */
  readonly payload: Span;
}

const WINDOW_BYTES = 64 * 1024;
const MAX_VARINT_BYTES = 10;

/** Reads fields through a small moving window. */
export class WireScanner {
  readonly #file: number;
  readonly #path: string;
  readonly #size: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  constructor(file: number, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.#size = size;
  }

  /** Fields of the message that lies in `span`, in order. @throws RerankError `model_files` when it is not a message */
  *fields(span: Span): Generator<WireField> {
    let position = span.start;
    while (position < span.end) {
      const tag = this.#varint(position, span.end);
      const wireType = Number(tag.value & 7n);
      const field = this.#payload(wireType, tag.end, span.end);
      const number = Number(tag.value >> 3n);
      if (number === 0 || field.end > span.end) throw this.#broken(position);
      yield { number, wireType, whole: { start: position, end: field.end }, payload: field };
      position = field.end;
    }
  }

  bytes({ start, end }: Span): Uint8Array {
    const target = new Uint8Array(end - start);
    readFully(this.#file, target, start, this.#path);
    return target;
  }

  #payload(wireType: number, start: number, limit: number): Span {
    switch (wireType) {
      case 0:
        return { start, end: this.#varint(start, limit).end };
      case 1:
        return { start, end: start + 8 };
      case 2: {
        const length = this.#varint(start, limit);
        return { start: length.end, end: length.end + Number(length.value) };
      }
      case 5:
        return { start, end: start + 4 };
      default:
        throw this.#broken(start);
    }
  }

  #varint(start: number, limit: number): { value: bigint; end: number } {
    let value = 0n;
    for (let i = 0; i < MAX_VARINT_BYTES && start + i < limit; i += 1) {
      const byte = this.#byte(start + i);
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return { value, end: start + i + 1 };
    }
    throw this.#broken(start);
  }

  #byte(position: number): number {
    const inside = position - this.#windowStart;
    if (inside >= 0 && inside < this.#window.length) return this.#window[inside]!;
    this.#windowStart = position;
    this.#window = this.bytes({ start: position, end: Math.min(this.#size, position + WINDOW_BYTES) });
    return this.#window[0]!;
  }

  #broken(position: number): RerankError {
    return new RerankError('model_files', `cannot open ${this.#path}: not an ONNX file, or damaged (at byte ${position})`);
  }
}

/** Tag and length of a length-delimited field; its payload follows. */
export function fieldHead(number: number, length: number): Uint8Array {
  const bytes: number[] = [(number << 3) | 2];
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 0x80);
  return Uint8Array.from([...bytes, rest]);
}

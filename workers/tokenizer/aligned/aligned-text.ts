// A text that remembers which bytes of the original every part of it came from. Only workers/tokenizer/aligned imports it.
// Port of `NormalizedString` in tokenizer/normalizer.rs of tokenizers 0.22.2 (Apache-2.0): the offsets it gives, its oddities included.

import type { Work } from '../work.ts';

/** A rewritten text, and for each of its characters what it did to the text before. */
export interface Rewriting {
  readonly text: string;
  /** `[characters of text]`: 0 takes the place of a character, 1 is added after the one before, -n also takes the n that follow. */
  readonly changes: readonly number[];
}

/** Bytes of the original, UTF-8: `[start, stop)`. */
export interface ByteSpan {
  readonly start: number;
  readonly stop: number;
}

/** A part of a text that is replaced: `[start, end)` in UTF-16 units. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

interface Places {
  readonly starts: Int32Array;
  readonly stops: Int32Array;
}

export class AlignedText {
  readonly text: string;
  /** The part of the original this text stands for, which a slice may have less of. */
  readonly origin: ByteSpan;
  /** Whom the text is worked on for; of every text that is made from this one, too. */
  readonly work: Work;
  /** UTF-16 unit -> the bytes of the original it came from. Both units of a pair have the same. */
  readonly #starts: Int32Array;
  readonly #stops: Int32Array;

  private constructor(text: string, origin: ByteSpan, { starts, stops }: Places, work: Work) {
    this.text = text;
    this.origin = origin;
    this.work = work;
    this.#starts = starts;
    this.#stops = stops;
  }

  /** @param text well-formed */
  static of(text: string, work: Work): AlignedText {
    const starts = new Int32Array(text.length);
    const stops = new Int32Array(text.length);
    let bytes = 0;
    for (let i = 0; i < text.length; ) {
      work.spend(1);
      const code = text.codePointAt(i)!;
      const end = i + unitsOf(code);
      const stop = bytes + bytesOf(code);
      starts.fill(bytes, i, end);
      stops.fill(stop, i, end);
      bytes = stop;
      i = end;
    }
    return new AlignedText(text, { start: 0, stop: bytes }, { starts, stops }, work);
  }

  /** Bytes of the original that `[start, end)` came from; not for an empty range. */
  span(start: number, end: number): ByteSpan {
    return { start: this.#starts[start]!, stop: this.#stops[end - 1]! };
  }

  /** The part `[start, end)`, which is not empty; even the whole of a text stands for no more than what its characters came from. */
  slice(start: number, end: number): AlignedText {
    const places = { starts: this.#starts.subarray(start, end), stops: this.#stops.subarray(start, end) };
    return new AlignedText(this.text.slice(start, end), this.span(start, end), places, this.work);
  }

  /** @param skipped characters at the beginning that nothing takes the place of */
  rewrite({ text, changes }: Rewriting, skipped = 0): AlignedText {
    const range = this.#rewritable();
    if (range === null) return this;
    const starts = new Int32Array(text.length);
    const stops = new Int32Array(text.length);
    let source = this.#forward(range.start, skipped, range.end);
    let at = 0;
    for (const change of changes) {
      this.work.spend(1);
      const from = change > 0 ? source - 1 : Math.min(source, this.text.length - 1);
      const end = at + unitsOf(text.codePointAt(at)!);
      starts.fill(this.#starts[from] ?? this.origin.start, at, end);
      stops.fill(this.#stops[from] ?? this.origin.start, at, end);
      at = end;
      if (change <= 0) source = this.#forward(source, 1 - change, range.end);
    }
    return this.#splice([{ ...range, text, starts, stops }]);
  }

  /** Every range becomes `content`, which came from the last character it replaces. Ranges ascend. */
  replace(ranges: readonly Range[], content: string): AlignedText {
    return this.#splice(
      ranges.map(({ start, end }) => ({
        start,
        end,
        text: content,
        starts: new Int32Array(content.length).fill(this.#starts[end - 1] ?? this.origin.start),
        stops: new Int32Array(content.length).fill(this.#stops[end - 1] ?? this.origin.start),
      })),
    );
  }

  /** What is put before a text came from its first character. An empty text stays empty. */
  prepend(prefix: string): AlignedText {
    if (this.text === '') return this;
    const starts = new Int32Array(prefix.length).fill(this.#starts[0]!);
    const stops = new Int32Array(prefix.length).fill(this.#stops[0]!);
    return this.#splice([{ start: 0, end: 0, text: prefix, starts, stops }]);
  }

  /**
   * What a rewriting of the whole takes the place of: the reference finds it by the bytes of the original, so it ends where a
   * character reaches past them, and begins at the first one that came from any.
   */
  #rewritable(): Range | null {
    if (this.origin.start === this.origin.stop) return { start: 0, end: 0 };
    if (this.text === '') return null;
    let end = 0;
    while (end < this.text.length && this.#stops[end]! <= this.origin.stop) end += 1;
    if (end === 0) return null;
    for (let start = 0; start < end; start += 1) if (this.#starts[start] !== this.#stops[start]) return { start, end };
    return { start: end, end };
  }

  /** The place `characters` further on, at most `end`. */
  #forward(from: number, characters: number, end: number): number {
    let at = from;
    for (let i = 0; i < characters && at < end; i += 1) at += unitsOf(this.text.codePointAt(at)!);
    return at;
  }

  #splice(parts: readonly (Range & { text: string; starts: Int32Array; stops: Int32Array })[]): AlignedText {
    const length = parts.reduce((sum, part) => sum + part.text.length - (part.end - part.start), this.text.length);
    const starts = new Int32Array(length);
    const stops = new Int32Array(length);
    const texts: string[] = [];
    let at = 0;
    const copy = (text: string, from: Int32Array, to: Int32Array): void => {
      starts.set(from, at);
      stops.set(to, at);
      texts.push(text);
      at += text.length;
    };
    const keep = (start: number, end: number): void =>
      copy(this.text.slice(start, end), this.#starts.subarray(start, end), this.#stops.subarray(start, end));
    let kept = 0;
    for (const part of parts) {
      this.work.spend(part.start - kept + 1);
      keep(kept, part.start);
      copy(part.text, part.starts, part.stops);
      kept = part.end;
    }
    keep(kept, this.text.length);
    return new AlignedText(texts.join(''), this.origin, { starts, stops }, this.work);
  }
}

/** UTF-16 units of a code point. */
export function unitsOf(code: number): number {
  return code > 0xffff ? 2 : 1;
}

/** UTF-8 bytes of a code point. */
function bytesOf(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

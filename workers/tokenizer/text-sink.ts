// A long text pushed through the stages in chunks: what a stage is, and how one holds text back that it cannot decide on yet. Only workers/tokenizer imports it.

import type { Work } from './work.ts';

/** Where a section begins. */
export interface SectionStart {
  /** At an edge of its own: the beginning of the text, or behind an added token. */
  readonly isFirst: boolean;
  /** At the beginning of the caller's text. */
  readonly isAtStart: boolean;
}

/** A stage: takes the chunks of one section after the other. No chunk is empty, none ends inside a surrogate pair. */
export interface TextSink {
  begin(start: SectionStart): void;
  push(chunk: string): void;
  /** @param isLast at an edge of its own: the end of the text, or before an added token */
  end(isLast: boolean): void;
}

/** A stage that writes into the next one. */
export type SinkMaker = (next: TextSink, work: Work) => TextSink;

/** The last place in a text where it can be cut, so that the parts give what the whole gives; 0 for none. */
export type LastCut = (text: string) => number;

/** Units that one call of a stage gets at most, but for what must stay together. */
const CHUNK_UNITS = 16_384;

/** Pushes a text of any length in bounded chunks. */
export function pushInChunks(text: string, sink: TextSink): void {
  for (let start = 0; start < text.length; ) {
    const end = chunkEnd(text, start, CHUNK_UNITS);
    sink.push(start === 0 && end === text.length ? text : text.slice(start, end));
    start = end;
  }
}

/** End of a chunk of about `units`, not inside a surrogate pair. */
export function chunkEnd(text: string, start: number, units: number): number {
  const end = start + units;
  if (end >= text.length) return text.length;
  const isInsidePair = (text.charCodeAt(end) & 0xfc00) === 0xdc00 && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800;
  return isInsidePair ? end + 1 : end;
}

/** What rewrites every character for itself, done in bounded chunks on a text of any length. */
export function mapInChunks(text: string, work: Work, rewrite: (chunk: string) => string): string {
  if (text.length <= CHUNK_UNITS) return rewrite(text);
  const parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = chunkEnd(text, start, CHUNK_UNITS);
    work.spend(end - start);
    parts.push(rewrite(text.slice(start, end)));
    start = end;
  }
  return parts.join('');
}

/**
 * Text that waits until a place is known where it can be cut.
 *
 * Only what is new is searched, so a text without such a place costs no more than one with many. What is held is one rope, flattened
 * once when it goes on.
 */
export class Holdback {
  readonly #lastCut: LastCut | null;
  readonly #contextUnits: number;
  #held = '';
  /** The end of what is held: a place is decided with some text on both sides. */
  #context = '';

  /** @param lastCut null: no place is safe @param contextUnits text before and behind a place that `lastCut` looks at, together */
  constructor(lastCut: LastCut | null, contextUnits: number) {
    this.#lastCut = lastCut;
    this.#contextUnits = contextUnits;
  }

  get length(): number {
    return this.#held.length;
  }

  /** What is held, without letting it go. */
  get text(): string {
    return this.#held;
  }

  /** Adds a chunk; gives what can go on, '' when nothing can. */
  add(chunk: string): string {
    if (this.#lastCut === null) {
      this.#held += chunk;
      return '';
    }
    const searched = this.#context + chunk;
    const before = this.#held.length - this.#context.length;
    this.#held += chunk;
    const cut = before + this.#lastCut(searched);
    if (cut <= before) {
      this.#context = this.#tail(searched);
      return '';
    }
    const ready = this.#held.slice(0, cut);
    this.#held = this.#held.slice(cut);
    this.#context = this.#tail(this.#held);
    return ready;
  }

  /** Gives everything that is left. */
  takeAll(): string {
    const all = this.#held;
    this.#held = '';
    this.#context = '';
    return all;
  }

  #tail(text: string): string {
    let start = Math.max(0, text.length - this.#contextUnits);
    if (start > 0 && (text.charCodeAt(start) & 0xfc00) === 0xdc00) start -= 1;
    return text.slice(start);
  }
}

/** A stage that rewrites text piece by piece, cut where `lastCut` allows. */
export function rewriteHeld(
  rewrite: (text: string, work: Work) => string,
  lastCut: LastCut | null,
  contextUnits: number,
): SinkMaker {
  return (next, work) => {
    const held = new Holdback(lastCut, contextUnits);
    const go = (text: string): void => {
      if (text !== '') pushInChunks(rewrite(text, work), next);
    };
    return {
      begin: (start) => next.begin(start),
      push: (chunk) => go(held.add(chunk)),
      end(isLast) {
        go(held.takeAll());
        next.end(isLast);
      },
    };
  };
}

/** A stage that rewrites every chunk by itself. */
export function rewriteChunks(rewrite: (text: string) => string): SinkMaker {
  return (next) => ({
    begin: (start) => next.begin(start),
    push: (chunk) => pushInChunks(rewrite(chunk), next),
    end: (isLast) => next.end(isLast),
  });
}

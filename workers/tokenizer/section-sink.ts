// Finds added tokens in a text that comes in chunks, and gives the text between them on. Only text-encoder.ts imports it.

import type { AddedTokenMatcher } from './added-tokens.ts';
import { Holdback, pushInChunks, type SectionStart, type TextSink } from './text-sink.ts';
import type { TokenBuffer } from './token-buffer.ts';

/** As {@link AddedTokenMatcher.sections}: what stands beside a token is a section of its own. */
export class SectionSink implements TextSink {
  readonly #matcher: AddedTokenMatcher;
  readonly #next: TextSink;
  readonly #out: TokenBuffer;
  readonly #held: Holdback;
  #start: SectionStart = { isFirst: false, isAtStart: false };
  /** Whether the next stage has a section that has not ended. */
  #isOpen = false;

  constructor(matcher: AddedTokenMatcher, next: TextSink, out: TokenBuffer) {
    this.#matcher = matcher;
    this.#next = next;
    this.#out = out;
    this.#held = new Holdback(matcher.lastCut, matcher.contextUnits);
  }

  begin(start: SectionStart): void {
    this.#start = start;
    this.#isOpen = false;
  }

  push(chunk: string): void {
    this.#go(this.#matcher.isEmpty ? chunk : this.#held.add(chunk));
  }

  end(isLast: boolean): void {
    this.#go(this.#held.takeAll());
    this.#close(isLast);
  }

  #go(text: string): void {
    for (const { start, end, id } of this.#matcher.sections(text, this.#out.work)) {
      if (this.#out.isFull) return;
      if (id < 0) {
        this.#open();
        pushInChunks(text.slice(start, end), this.#next);
      } else {
        this.#close(true);
        this.#out.push(id);
        this.#start = { isFirst: true, isAtStart: false };
      }
    }
  }

  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#next.begin(this.#start);
  }

  #close(isLast: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#next.end(isLast);
    // What follows without a token between is the same section.
    this.#start = { isFirst: false, isAtStart: false };
  }
}

// The bytes of a body -> its value, as JSON.parse gives it. A large one is parsed in pieces, each in its own turn of the event loop.

import { RerankError } from '../../errors.ts';
import type { SharedTurns } from '../../rerank/turns.ts';
import type { BodyBytes } from './body-bytes.ts';
import { type FieldList, TURN_WORK } from './field-lists.ts';
import type { JsonScanner } from './json-scanner.ts';

/** A body of less work is parsed at once. */
const AT_ONCE_WORK = 2 * TURN_WORK;

/** Where JSON.parse gave up. */
interface Fault {
  /** Characters from the begin of the parsed text; null when V8 does not say. */
  readonly position: number | null;
}

type Outcome = { readonly value: unknown; readonly fault: null } | { readonly fault: Fault };

/** What a parse of a body needs beside its bytes. */
export interface ParseOptions {
  readonly turns: Pick<SharedTurns, 'next'>;
  /** Whether nobody waits for the value any more. */
  readonly isGone: () => boolean;
}

/**
 * @param scan of these very bytes, ended
 * @throws RerankError `malformed_body` with the position that JSON.parse names, or when the bytes are not UTF-8; `cancelled`
 */
export async function parseBody(bytes: BodyBytes, scan: JsonScanner, options: ParseOptions): Promise<unknown> {
  const begin = bytes.startsWithMark() ? 3 : 0;
  const end = scan.brokenAt === null ? bytes.length : scan.brokenAt + 1; // no text goes on after that
  if (scan.work > AT_ONCE_WORK) return new PiecewiseParse(bytes, { begin, end, lists: scan.fieldLists }, options).run();
  const outcome = attempt(bytes.text(begin, end));
  if (outcome.fault === null) return outcome.value;
  throw notJson(outcome.fault.position);
}

/** Offsets are bytes. */
interface Layout {
  readonly begin: number;
  readonly end: number;
  readonly lists: readonly FieldList[];
}

/**
 * The lists among the body's fields hold nearly all of a large body. Each is replaced by `[n]`, n being its number, and what remains is
 * parsed first: the frame. Then the entries of the lists are parsed, piece by piece, and put where the numbers were. A name that comes
 * twice, or is `__proto__`, so gets what JSON.parse gives it.
 */
class PiecewiseParse {
  readonly #bytes: BodyBytes;
  readonly #layout: Layout;
  readonly #turns: Pick<SharedTurns, 'next'>;
  readonly #isGone: () => boolean;
  #workThisTurn = Number.POSITIVE_INFINITY;

  constructor(bytes: BodyBytes, layout: Layout, { turns, isGone }: ParseOptions) {
    this.#bytes = bytes;
    this.#layout = layout;
    this.#turns = turns;
    this.#isGone = isGone;
  }

  async run(): Promise<unknown> {
    const { lists } = this.#layout;
    await this.#turn(0);
    const frame = await this.#parseFrame(lists.length, true);
    if (frame.fault !== null) throw await this.#firstFault(frame.fault);
    if (lists.length === 0) return frame.value;
    const places = placesOf(frame.value);
    for (const [index, list] of lists.entries()) {
      const fault = await this.#parseEntries(list, places.get(index) ?? []);
      if (fault !== null) throw notJson(fault.position);
    }
    return frame.value;
  }

  /** @returns a fault whose position counts from the begin of the body */
  async #parseEntries({ pieces }: FieldList, place: unknown[]): Promise<Fault | null> {
    for (const { start, end, work } of pieces) {
      const text = await this.#text(start, end, work);
      const closing = end === this.#layout.end ? '' : ']'; // a list that never ends, ends nowhere here either
      const outcome = attempt(`[${text}${closing}`);
      if (outcome.fault !== null) return this.#placed(outcome.fault, start - 1);
      const entries = outcome.value as unknown[];
      if (entries.length === 0 && pieces.length > 1) return { position: null }; // nothing between two commas
      for (const entry of entries) place.push(entry);
    }
    return null;
  }

  /** Parses the text with its first `count` lists replaced: to its end, or as if it ended well behind the last of them. */
  async #parseFrame(count: number, isWhole: boolean): Promise<Outcome> {
    const { begin, end, lists } = this.#layout;
    const marks: { readonly at: number; readonly offset: number }[] = [];
    let text = '';
    let offset = begin;
    const copy = async (stop: number) => {
      marks.push({ at: text.length, offset });
      text += await this.#text(offset, stop, stop - offset);
    };
    for (const [index, list] of lists.slice(0, count).entries()) {
      await copy(list.start);
      marks.push({ at: text.length, offset: list.start });
      text += list.end === end && isWhole ? '[' : `[${index}]`;
      offset = Math.min(list.end + 1, end);
    }
    if (isWhole) await copy(end);
    else text += '}';
    const outcome = attempt(text);
    if (outcome.fault?.position == null) return outcome;
    const { position } = outcome.fault;
    const mark = marks.findLast(({ at }) => at <= position)!;
    return { fault: { position: this.#charactersBefore(mark.offset) + position - mark.at } };
  }

  /** The frame is no JSON; a list that comes before its fault may not be, either. */
  async #firstFault(ofFrame: Fault): Promise<RerankError> {
    for (const [index, list] of this.#layout.lists.entries()) {
      const fault = await this.#parseEntries(list, []);
      if (fault === null) continue;
      const isFirst = (await this.#parseFrame(index + 1, false)).fault === null;
      return notJson((isFirst ? fault : ofFrame).position);
    }
    return notJson(ofFrame.position);
  }

  /** Decodes bytes in a turn that has time for so much work; many of them in turns of their own before. */
  async #text(start: number, end: number, work: number): Promise<string> {
    let text = '';
    let from = start;
    while (end - from > TURN_WORK) {
      const stop = this.#bytes.characterStart(from + TURN_WORK);
      await this.#turn(TURN_WORK);
      text += this.#bytes.text(from, stop);
      from = stop;
    }
    await this.#turn(work);
    return text + this.#bytes.text(from, end);
  }

  #placed({ position }: Fault, offset: number): Fault {
    return { position: position === null ? null : this.#charactersBefore(offset) + position };
  }

  #charactersBefore(offset: number): number {
    return this.#bytes.countCharacters(this.#layout.begin, offset);
  }

  /** A turn of its own for so much work, unless it fits into the one that is going on. */
  async #turn(work: number): Promise<void> {
    this.#workThisTurn += work;
    if (this.#workThisTurn <= TURN_WORK) return;
    await this.#turns.next();
    if (this.#isGone()) throw new RerankError('cancelled', 'the client closed the connection');
    this.#workThisTurn = work;
  }
}

/** Number of a list -> the array in its place. */
function placesOf(frame: unknown): ReadonlyMap<number, unknown[]> {
  const places = new Map<number, unknown[]>();
  for (const value of Object.values(frame as object)) {
    if (!Array.isArray(value)) continue;
    places.set(value[0] as number, value);
    value.length = 0;
  }
  return places;
}

function attempt(text: string): Outcome {
  try {
    return { value: JSON.parse(text), fault: null };
  } catch (error) {
    return { fault: { position: positionIn((error as Error).message) } };
  }
}

/** Only the position of V8's message is used: the rest quotes the body. */
function positionIn(message: string): number | null {
  const match = /at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message);
  return match === null ? null : Number(match[1]);
}

function notJson(position: number | null): RerankError {
  return new RerankError('malformed_body', `the body is not valid JSON${position === null ? '' : ` (at position ${position})`}`);
}

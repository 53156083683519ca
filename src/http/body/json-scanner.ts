// Pure: walks over the bytes of a JSON text as they come, without parsing them. Bounds its structure, and notes where it can be cut.

import { type BodyLimits, partTooLarge, tooDeep, tooManyKeys, tooManyNewKeys, tooManyValues } from './body-limits.ts';
import { type FieldList, FieldListCutter } from './field-lists.ts';
import type { BodyCounts } from './held-bytes.ts';
import { endOfKey, NO_KEYS, SeenShapes, withByte } from './seen-shapes.ts';

/** Bytes of plain text that take JSON.parse as long as a value, and as a key it has not met in such an object. */
const WORK_OF_VALUE = 150;
const WORK_OF_NEW_KEY = 1500;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** So many keys are taken for new ones. */
const UNREMEMBERED_KEYS = 32;

type StringKind = 'none' | 'text' | 'key';

/** Depth of the body's own fields, and of entries of their lists. */
const FIELDS = 1;
const ENTRIES = 2;

/**
 * Counts without judging: that a text is no JSON is for JSON.parse to say. Two things are known here, though: brackets that do not
 * match and text after the end. Nothing behind them is looked at, see {@link brokenAt}.
 */
export class JsonScanner implements BodyCounts {
  lists = 0;
  objects = 0;
  texts = 0;
  textBytes = 0;
  scalars = 0;
  knownKeys = 0;
  newKeys = 0;
  newKeyBytes = 0;
  wide = false;
  /** Bytes looked at. */
  length = 0;
  /** Offset of a byte that no JSON text has there; null when there is none. */
  brokenAt: number | null = null;

  readonly #limits: BodyLimits;
  #shapes: SeenShapes | null = null;
  /** OPEN_LIST or OPEN_OBJECT of each level; level 0 is the text. */
  readonly #opened: number[] = [0];
  /** Keys of the object of each level. */
  readonly #keys: number[] = [0];
  /** Hashes of these keys. */
  readonly #paths: number[] = [0];
  #depth = 0;
  #string: StringKind = 'none';
  #expectsKey = false;
  #inScalar = false;
  /** The last byte was a backslash that escapes what comes. */
  #escaping = false;
  #keyHash = 0;
  #keyBytes = 0;
  #keyIsIndex = false;
  /** Values before the entry that is being read. */
  #valuesBeforeEntry = 0;
  /** Values that are in no list of a field. */
  #looseValues = 0;
  readonly #cutter = new FieldListCutter();

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** Of parsing all that was looked at, in bytes of plain text. */
  get work(): number {
    return this.#workAt(0);
  }

  get fieldLists(): readonly FieldList[] {
    return this.#cutter.lists;
  }

  get values(): number {
    return this.lists + this.objects + this.texts + this.scalars;
  }

  /** @throws RerankError `payload_too_large` or `validation` when the structure passes a bound */
  scan(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && this.brokenAt === null) {
      if (this.#string === 'text') at = this.#skipText(chunk, at);
      else if (this.#string === 'key') at = this.#readKey(chunk, at);
      else at = this.#step(chunk[at]!, at) + 1;
    }
    this.length += this.brokenAt === null ? chunk.length : at;
  }

  /** After the last chunk: a list that was never closed ends with the text. */
  end(): void {
    this.#cutter.end(this.length, this.work);
  }

  #step(byte: number, at: number): number {
    if (byte <= SPACE) this.#inScalar = false;
    else if (byte === QUOTE) this.#openString(at);
    else if (byte === COMMA) this.#comma(at);
    else if (byte === COLON) this.#colon();
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.#open(byte, at);
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) this.#close(byte, at);
    else if (!this.#inScalar) this.#beginScalar(byte, at);
    return at;
  }

  #openString(at: number): void {
    this.#inScalar = false;
    this.#escaping = false;
    if (this.#expectsKey) {
      this.#string = 'key';
      this.#keyHash = this.#paths[this.#depth]!;
      this.#keyBytes = 0;
      this.#keyIsIndex = false;
      return;
    }
    this.#string = 'text';
    this.texts += 1;
    this.#countValue(at);
  }

  #comma(at: number): void {
    this.#inScalar = false;
    this.#expectsKey = this.#opened[this.#depth] === OPEN_OBJECT;
    if (!this.#cutter.isInside || this.#depth !== ENTRIES) return;
    this.#valuesBeforeEntry = this.values;
    this.#cutter.comma(this.length + at, this.#workAt(at));
  }

  #colon(): void {
    this.#inScalar = false;
    this.#expectsKey = false;
  }

  #open(byte: number, at: number): void {
    this.#inScalar = false;
    if (byte === OPEN_LIST) this.lists += 1;
    else this.objects += 1;
    if (this.#countValue(at)) return;
    if (byte === OPEN_LIST && this.#depth === FIELDS && this.#opened[FIELDS] === OPEN_OBJECT) this.#openFieldList(at);
    this.#depth += 1;
    if (this.#depth > this.#limits.depth) throw tooDeep(this.#limits);
    this.#opened[this.#depth] = byte;
    this.#keys[this.#depth] = 0;
    this.#paths[this.#depth] = NO_KEYS;
    this.#expectsKey = byte === OPEN_OBJECT;
  }

  #close(byte: number, at: number): void {
    this.#inScalar = false;
    const opener = byte === CLOSE_LIST ? OPEN_LIST : OPEN_OBJECT;
    if (this.#depth === 0 || this.#opened[this.#depth] !== opener) {
      this.brokenAt = this.length + at;
      return;
    }
    if (this.#depth === ENTRIES) this.#cutter.end(this.length + at, this.#workAt(at));
    this.#depth -= 1;
    this.#expectsKey = false;
  }

  #beginScalar(byte: number, at: number): void {
    if (this.length + at < BYTE_ORDER_MARK.length && byte === BYTE_ORDER_MARK[this.length + at]) return;
    this.#inScalar = true;
    this.scalars += 1;
    this.#countValue(at);
  }

  #openFieldList(at: number): void {
    this.#cutter.begin(this.length + at, this.#workAt(at));
    this.#valuesBeforeEntry = this.values;
  }

  #workAt(at: number): number {
    return this.length + at + WORK_OF_VALUE * this.values + WORK_OF_NEW_KEY * this.newKeys;
  }

  /** @returns true when the text had ended already */
  #countValue(at: number): boolean {
    if (this.#depth === 0 && this.values > 1) {
      this.brokenAt = this.length + at;
      return true;
    }
    const { values, valuesOfPart } = this.#limits;
    if (this.values > values) throw tooManyValues(this.#limits);
    const { isInside } = this.#cutter;
    if (!isInside) this.#looseValues += 1;
    const inPart = isInside ? this.values - this.#valuesBeforeEntry : this.#looseValues;
    if (inPart > valuesOfPart) throw partTooLarge(this.#limits);
    return false;
  }

  /** @returns where to go on: behind the closing quote, or the end of the chunk */
  #skipText(chunk: Uint8Array, from: number): number {
    for (let at = from; ; ) {
      const quote = chunk.indexOf(QUOTE, at);
      const end = quote === -1 ? chunk.length : quote;
      const escaping = this.#isEscaped(chunk, from, end);
      if (quote !== -1 && escaping) {
        at = quote + 1;
        continue;
      }
      this.textBytes += end - from;
      this.#escaping = escaping;
      if (quote === -1) return end;
      this.#string = 'none';
      return end + 1;
    }
  }

  /** Whether an odd number of backslashes stands before `end`, those of the chunk before included. */
  #isEscaped(chunk: Uint8Array, from: number, end: number): boolean {
    let first = end;
    while (first > from && chunk[first - 1] === BACKSLASH) first -= 1;
    const isOdd = (end - first) % 2 === 1;
    return first === from && this.#escaping ? !isOdd : isOdd;
  }

  #readKey(chunk: Uint8Array, from: number): number {
    let hash = this.#keyHash;
    let escaping = this.#escaping;
    let at = from;
    if (this.#keyBytes === 0) this.#keyIsIndex = isDigit(chunk[from]!);
    for (; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (escaping) escaping = false;
      else if (byte === QUOTE) break;
      else if (byte === BACKSLASH) escaping = true;
      hash = withByte(hash, byte);
    }
    this.#keyHash = hash;
    this.#escaping = escaping;
    this.#keyBytes += at - from;
    if (at === chunk.length) return at;
    this.#endKey();
    return at + 1;
  }

  #endKey(): void {
    this.#string = 'none';
    const path = endOfKey(this.#keyHash);
    this.#paths[this.#depth] = path;
    if (this.#isKnown(path)) this.knownKeys += 1;
    else {
      this.newKeys += 1;
      if (this.newKeys > this.#limits.newKeys) throw tooManyNewKeys(this.#limits);
      this.newKeyBytes += this.#keyBytes;
    }
    this.#keys[this.#depth] = this.#keys[this.#depth]! + 1;
    if (this.#keys[this.#depth]! > this.#limits.keysOfObject) throw tooManyKeys(this.#limits);
  }

  /** Names that are numbers have a table in each object. Few keys are not worth a memory. */
  #isKnown(path: number): boolean {
    if (this.newKeys < UNREMEMBERED_KEYS) return false;
    this.#shapes ??= new SeenShapes();
    return this.#shapes.knew(path) && !this.#keyIsIndex;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

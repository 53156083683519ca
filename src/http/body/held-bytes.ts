// Pure: what a parsed body holds in memory, from what can be counted in its bytes. An upper bound, measured in test/http/body/held-bytes.

/** What the scanner counted so far. */
export interface BodyCounts {
  readonly lists: number;
  readonly objects: number;
  /** Strings that are values. */
  readonly texts: number;
  /** Bytes of UTF-8 between their quotes. */
  readonly textBytes: number;
  /** Numbers, true, false and null. */
  readonly scalars: number;
  /** Keys, each where V8 has met the keys before it in this object in this order: it has a place for the value already. */
  readonly knownKeys: number;
  /** The others: V8 keeps their name and makes a new shape of object. */
  readonly newKeys: number;
  /** Bytes of UTF-8 of the new keys. */
  readonly newKeyBytes: number;
  /** Some character is not ASCII. V8 takes two bytes for every character of a text that has one beyond U+00FF. */
  readonly wide: boolean;
}

// Bytes on the heap of V8 with 64-bit pointers, the place in the parent included, which grows by halves.
const LIST_BYTES = 72;
const OBJECT_BYTES = 72;
const TEXT_BYTES = 40;
const SCALAR_BYTES = 32;
const KNOWN_KEY_BYTES = 16;
const NEW_KEY_BYTES = 240;

/** Bytes, at most. */
export function heldBytes(counts: BodyCounts): number {
  const characterBytes = counts.wide ? 2 : 1;
  return (
    LIST_BYTES * counts.lists +
    OBJECT_BYTES * counts.objects +
    TEXT_BYTES * counts.texts +
    SCALAR_BYTES * counts.scalars +
    KNOWN_KEY_BYTES * counts.knownKeys +
    NEW_KEY_BYTES * counts.newKeys +
    characterBytes * (counts.textBytes + counts.newKeyBytes)
  );
}

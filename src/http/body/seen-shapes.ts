// Pure: whether objects with the same keys in the same order were met before. A table of fixed size that may forget, never one that grows.

import { randomBytes } from 'node:crypto';

const SLOTS = 16_384; // a power of two
const PRIME = 0x01000193;

/** So that nobody can choose keys that pass for each other. */
const SEED = randomBytes(4).readInt32LE();

/** Of an object without keys. */
export const NO_KEYS = SEED;

/** Goes on with the hash of a path of keys: over the bytes of a key, then over {@link endOfKey}. */
export function withByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, PRIME);
}

/** Never 0. */
export function endOfKey(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15) ^ 0x22, 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13) || 1;
}

export class SeenShapes {
  readonly #slots = new Int32Array(SLOTS);

  /** Remembers a path of keys. @returns whether it was known; one that was forgotten counts as new */
  knew(hash: number): boolean {
    const slot = hash & (SLOTS - 1);
    const known = this.#slots[slot] === hash;
    this.#slots[slot] = hash;
    return known;
  }
}

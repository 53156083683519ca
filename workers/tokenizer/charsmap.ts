// The Precompiled normaliser of sentencepiece models: a double-array trie of byte strings and their replacements. Only normalizers.ts imports it.
// Port of the Rust crate spm_precompiled 0.1.4 and of normalizers/precompiled.rs of tokenizers 0.22.2 (Apache-2.0).

import { failModel } from './json.ts';
import { shortClusters } from './short-graphemes.ts';
import { UNENDING, type Work } from './work.ts';

const REMEMBERED_CLUSTERS = 4096;

/** Sentencepiece's own maps have 0.3 MB, and their longest replacement (of U+FDFA) 33 bytes. */
const MAX_BYTES = 16 * 2 ** 20;
const MAX_REPLACEMENT_BYTES = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Charsmap {
  readonly #units: Uint32Array;
  readonly #replacements: Uint8Array;
  /** Code point -> replacement, null where it stays. */
  readonly #single = new Map<number, string | null>();
  readonly #clusters = new Map<string, string | null>();
  readonly #asciiStays: boolean;

  /** @param base64 `precompiled_charsmap`: u32 size of the trie in bytes, the trie, replacements ended by a zero byte */
  constructor(base64: string, where: string) {
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.length > MAX_BYTES)
      failModel(where, `precompiled_charsmap has ${bytes.length} bytes; at most ${MAX_BYTES} are read`);
    const trieBytes = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
    if (trieBytes < 4 || 4 + trieBytes > bytes.length) failModel(where, 'precompiled_charsmap is damaged');
    this.#units = new Uint32Array(trieBytes >>> 2);
    for (let i = 0; i < this.#units.length; i += 1) this.#units[i] = bytes.readUInt32LE(4 + i * 4);
    this.#replacements = bytes.subarray(4 + this.#units.length * 4);
    if (longestRun(this.#replacements) > MAX_REPLACEMENT_BYTES)
      failModel(where, 'precompiled_charsmap has a replacement too long');
    this.#asciiStays = Array.from({ length: 95 }, (_, i) => this.#lookupChar(32 + i)).every((found) => found === null);
  }

  normalize(text: string, work: Work = UNENDING): string {
    if (this.#asciiStays && !/[^ -~]/.test(text)) return text;
    let out = '';
    let copied = 0;
    for (const { start, end } of shortClusters(text, work)) {
      const whole = this.#lookupCluster(text.slice(start, end));
      if (whole === null) continue;
      out += this.#normalizeChars(text.slice(copied, start), work) + whole;
      copied = end;
    }
    return out + this.#normalizeChars(text.slice(copied), work);
  }

  /** The parts of the text that {@link normalize} looks up, in order, and what takes their place: null where they stay. */
  *lookups(text: string, work: Work): Generator<{ readonly source: string; readonly replacement: string | null }> {
    let passed = 0;
    for (const { start, end } of shortClusters(text, work)) {
      const source = text.slice(start, end);
      const replacement = this.#lookupCluster(source);
      if (replacement === null) continue;
      yield* this.#charLookups(text.slice(passed, start));
      yield { source, replacement };
      passed = end;
    }
    yield* this.#charLookups(text.slice(passed));
  }

  *#charLookups(text: string): ReturnType<Charsmap['lookups']> {
    for (const source of text) yield { source, replacement: this.#lookupChar(source.codePointAt(0)!) };
  }

  #lookupCluster(cluster: string): string | null {
    let found = this.#clusters.get(cluster);
    if (found === undefined) {
      if (this.#clusters.size >= REMEMBERED_CLUSTERS) this.#clusters.clear();
      found = this.#lookup(encoder.encode(cluster));
      this.#clusters.set(cluster, found);
    }
    return found;
  }

  #normalizeChars(text: string, work: Work): string {
    let out = '';
    let copied = 0;
    for (let i = 0; i < text.length; ) {
      work.spend(1);
      const code = text.codePointAt(i)!;
      const width = code > 0xffff ? 2 : 1;
      const found = this.#lookupChar(code);
      if (found !== null) {
        out += text.slice(copied, i) + found;
        copied = i + width;
      }
      i += width;
    }
    return copied === 0 ? text : out + text.slice(copied);
  }

  #lookupChar(code: number): string | null {
    let found = this.#single.get(code);
    if (found === undefined) {
      found = this.#lookup(encoder.encode(String.fromCodePoint(code)));
      this.#single.set(code, found);
    }
    return found;
  }

  /** The replacement of the shortest prefix the trie knows: the reference takes the first result, not the longest. */
  #lookup(bytes: Uint8Array): string | null {
    const units = this.#units;
    let node = offsetOf(units[0]!);
    for (const byte of bytes) {
      if (byte === 0) return null;
      node ^= byte;
      const unit = units[node];
      // Bit 31 set marks a leaf, which never equals a label.
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return null;
      node ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 1) return this.#replacementAt((units[node] ?? 0) & 0x7fffffff);
    }
    return null;
  }

  #replacementAt(start: number): string {
    const end = this.#replacements.indexOf(0, start);
    return decoder.decode(this.#replacements.subarray(start, end < 0 ? undefined : end));
  }
}

/** Bytes between two zero bytes. */
function longestRun(bytes: Uint8Array): number {
  let longest = 0;
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    longest = Math.max(longest, (end < 0 ? bytes.length : end) - start);
    start = end < 0 ? bytes.length : end + 1;
  }
  return longest;
}

function offsetOf(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
}

// Tokens found in the text before or after normalisation: special tokens and others that were added to the vocabulary. Only workers/tokenizer imports it.
// Same matches as tokenizer/added_vocabulary.rs of tokenizers 0.22.2.

import { arrayAt, flag, idAt, isObject, objectAt, stringAt } from './json.ts';
import type { TokenModel } from './model.ts';
import type { LastCut } from './text-sink.ts';
import { TokenTrie, TRIE_NONE, TRIE_ROOT } from './token-trie.ts';
import { charFlags, FLAG_SPACE, FLAG_WORD } from './unicode.ts';
import { UNENDING, type Work } from './work.ts';

export interface AddedToken {
  readonly content: string;
  readonly isSingleWord: boolean;
  readonly stripsLeft: boolean;
  readonly stripsRight: boolean;
  readonly isNormalized: boolean;
  readonly isSpecial: boolean;
}

/** A part of a text: an added token, or text between (id -1). `[start, end)` in UTF-16 units. */
export interface Section {
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

/** Reads an entry of `added_tokens`, or of `added_tokens_decoder`. @throws RerankError `model_files` */
export function readAddedToken(value: unknown, where: string): AddedToken {
  const entry = objectAt(value, where);
  const isSpecial = flag(entry.special, false);
  return {
    content: stringAt(entry.content, `${where}.content`),
    isSingleWord: flag(entry.single_word, false),
    stripsLeft: flag(entry.lstrip, false),
    stripsRight: flag(entry.rstrip, false),
    isNormalized: flag(entry.normalized, !isSpecial),
    isSpecial,
  };
}

/** The tokens `tokenizer.json` adds, in the order they are added: specials and others keep their order in the file. */
export function readAddedTokens(value: unknown, where: string): { readonly id: number; readonly token: AddedToken }[] {
  if (value === null || value === undefined) return [];
  return arrayAt(value, where).map((entry, i) => ({
    id: idAt(isObject(entry) ? entry.id : null, `${where}[${i}].id`),
    token: readAddedToken(entry, `${where}[${i}]`),
  }));
}

/** All added tokens with their ids: what is added later under a known content changes its flags, not its place. */
export class AddedVocabulary {
  readonly #ids = new Map<string, number>();
  readonly #flags = new Map<number, AddedToken>();
  readonly #listed: AddedToken[] = [];
  /** Content -> those of the list that have it. */
  readonly #sameText = new Map<string, readonly AddedToken[]>();
  #highestId = -1;
  readonly #model: TokenModel;

  constructor(model: TokenModel) {
    this.#model = model;
  }

  has(content: string): boolean {
    return this.#ids.has(content);
  }

  /** Id of an added token or a token of the model, -1 when unknown. */
  idOf(content: string): number {
    return this.#ids.get(content) ?? this.#model.idOf(content);
  }

  add(token: AddedToken): void {
    if (token.content === '') return;
    const known = this.idOf(token.content);
    const id = known >= 0 ? known : Math.max(this.#model.size, this.#highestId + 1);
    this.#highestId = Math.max(this.#highestId, id);
    const sameText = this.#sameText.get(token.content) ?? [];
    const isListed =
      sameText.some(({ isSpecial }) => isSpecial) ||
      (!token.isSpecial && sameText.some((other) => other.isNormalized === token.isNormalized));
    this.#ids.set(token.content, id);
    this.#flags.set(id, token);
    if (isListed) return;
    this.#listed.push(token);
    this.#sameText.set(token.content, [...sameText, token]);
  }

  /** The matcher for tokens that are searched before (or after) normalisation. */
  matcher(isNormalized: boolean, normalize: (text: string) => string): AddedTokenMatcher {
    // Where two tokens have the same normalised text, specials come first.
    const listed = [...this.#listed.filter(({ isSpecial }) => isSpecial), ...this.#listed.filter(({ isSpecial }) => !isSpecial)];
    const tokens = listed.filter((token) => token.isNormalized === isNormalized);
    const flags = (id: number, token: AddedToken): AddedToken => this.#flags.get(id) ?? token;
    return new AddedTokenMatcher(
      tokens.map((token) => {
        const id = this.idOf(token.content);
        return { id, text: isNormalized ? normalize(token.content) : token.content, token: flags(id, token) };
      }),
    );
  }
}

interface Searched {
  readonly id: number;
  readonly text: string;
  readonly token: AddedToken;
}

/** Finds added tokens in a text: leftmost, then longest. */
export class AddedTokenMatcher {
  readonly #trie: TokenTrie;
  readonly #searched: readonly Searched[];
  /** UTF-16 unit -> 1 when a token begins with it. */
  readonly #opens = new Uint8Array(65_536);

  constructor(searched: readonly Searched[]) {
    this.#searched = searched;
    this.#trie = new TokenTrie(searched.length * 4);
    for (const [i, { text }] of searched.entries()) {
      if (text === '' || this.#trie.find(text) >= 0) continue;
      this.#trie.add(text, i);
      this.#opens[text.charCodeAt(0)] = 1;
    }
  }

  get isEmpty(): boolean {
    return this.#searched.length === 0;
  }

  get tokens(): readonly Searched[] {
    return this.#searched;
  }

  /** Units before a place that {@link lastCut} looks at. */
  get contextUnits(): number {
    return this.#trie.longest + 2;
  }

  /** The last place that no token can reach over, nor the white space or word characters beside one; 0 for none. */
  readonly lastCut: LastCut = (text) => {
    const { longest } = this.#trie;
    let cut = 0;
    let opened = -1;
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      if (this.#opens[unit] === 1) opened = i;
      else if (i > longest && opened < i - longest && !isSpaceUnit(text, i) && (unit & 0xfc00) !== 0xdc00) cut = i;
    }
    return cut;
  };

  /** Sections that cover the text in order; an empty text has none. */
  sections(text: string, work: Work = UNENDING): Section[] {
    if (text === '') return [];
    const sections: Section[] = [];
    let covered = 0;
    for (let i = this.#isPossible(text, 0); i >= 0; ) {
      work.spend(1);
      const found = this.#longestAt(text, i);
      if (found === null) {
        i = this.#isPossible(text, i + 1);
        continue;
      }
      const match = this.#accept(text, i, found, covered);
      if (match !== null) {
        if (covered < match.start) sections.push({ start: covered, end: match.start, id: -1 });
        sections.push(match);
        covered = match.end;
      }
      i = this.#isPossible(text, i + found.text.length);
    }
    if (covered !== text.length) sections.push({ start: covered, end: text.length, id: -1 });
    return sections;
  }

  /** The next position a token can begin at, -1 for none. */
  #isPossible(text: string, from: number): number {
    if (this.isEmpty) return -1;
    for (let i = from; i < text.length; i += 1) if (this.#opens[text.charCodeAt(i)] === 1) return i;
    return -1;
  }

  #longestAt(text: string, at: number): Searched | null {
    let node = TRIE_ROOT;
    let longest = -1;
    for (let i = at; i < text.length; i += 1) {
      node = this.#trie.step(node, text.charCodeAt(i));
      if (node === TRIE_NONE) break;
      if (this.#trie.idAt(node) >= 0) longest = this.#trie.idAt(node);
    }
    return longest < 0 ? null : this.#searched[longest]!;
  }

  #accept(text: string, at: number, { id, text: content, token }: Searched, covered: number): Section | null {
    let start = at;
    let end = at + content.length;
    if (token.isSingleWord && (endsWithWord(text, start) || startsWithWord(text, end))) return null;
    if (token.stripsLeft) {
      while (start > covered && isSpaceUnit(text, start - 1)) start -= 1;
    }
    if (token.stripsRight) while (end < text.length && isSpaceUnit(text, end)) end += 1;
    return { start, end, id };
  }
}

const isSpaceUnit = (text: string, at: number): boolean => (charFlags[text.charCodeAt(at)]! & FLAG_SPACE) !== 0;

function startsWithWord(text: string, at: number): boolean {
  return at < text.length && (charFlags[text.codePointAt(at)!]! & FLAG_WORD) !== 0;
}

function endsWithWord(text: string, at: number): boolean {
  if (at === 0) return false;
  const isPair = at > 1 && (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00;
  return (charFlags[text.codePointAt(isPair ? at - 2 : at - 1)!]! & FLAG_WORD) !== 0;
}

// Oniguruma patterns of tokenizer.json as JavaScript regular expressions, and the five split behaviours. Only workers/tokenizer imports it.

import * as library from '@huggingface/tokenizers';
import { RerankError } from '../../src/errors.ts';
import { failModel, isObject } from './json.ts';
import { isLinear } from './linear-pattern.ts';
import { regexShadow } from './unicode.ts';
import type { Work } from './work.ts';

export type SplitBehavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

/** A part of a text: `[start, end)` in UTF-16 units and whether the pattern matched it. */
export interface Part {
  readonly start: number;
  readonly end: number;
  readonly isMatch: boolean;
}

/** Splits a text into parts that cover it, in order. */
export type Splitter = (text: string, work: Work) => Part[];

/** The one class we use; the package's type files cannot be resolved by Node's rules, so its shape is written here. */
const { SplitPreTokenizer } = library as unknown as {
  readonly SplitPreTokenizer: new (config: unknown) => { readonly pattern: RegExp | null };
};

/**
 * Contractions as GPT-style patterns write them. Oniguruma folds case by Unicode, so the long s (U+017F) is an `s` there;
 * the library's translation folds ASCII only.
 */
const CASELESS_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const FOLDED_CONTRACTIONS = "(?:'[sS\u017f]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";

/**
 * The JavaScript form of a `pattern` object (`{Regex}` or `{String}`), flags `gu`.
 *
 * @throws RerankError `model_files` for a pattern the library cannot translate, or one that is not known to be linear
 */
export function compilePattern(pattern: unknown, where: string): RegExp {
  if (!isObject(pattern)) failModel(where, 'a pattern is expected');
  if (typeof pattern.String === 'string')
    return new RegExp(
      pattern.String.replace(/[\\^$.*+?()[\]{}|/-]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`),
      'gu',
    );
  if (typeof pattern.Regex !== 'string') failModel(where, 'the pattern is neither String nor Regex');
  const source = pattern.Regex.replaceAll(CASELESS_CONTRACTIONS, FOLDED_CONTRACTIONS);
  try {
    const { pattern: compiled } = new SplitPreTokenizer({ type: 'Split', pattern: { Regex: source }, behavior: 'Isolated' });
    if (compiled !== null) return linear(compiled, pattern.Regex, where);
  } catch (cause) {
    if (cause instanceof RerankError) throw cause;
    failModel(where, `cannot translate the pattern ${JSON.stringify(pattern.Regex)}`, cause);
  }
  return failModel(where, `cannot translate the pattern ${JSON.stringify(pattern.Regex)}`);
}

/** JavaScript's engine goes back over what it matched, and nothing interrupts it: a pattern that lets it do so without end is refused. */
function linear(compiled: RegExp, source: string, where: string): RegExp {
  if (isLinear(compiled)) return compiled;
  return failModel(where, `the pattern ${JSON.stringify(source)} may take more than linear time on a hostile text`);
}

/** Splits by a regular expression; matches are found on the text's regex shadow. */
export function regexSplitter(pattern: RegExp): Splitter {
  return (text, work) => {
    const parts: Part[] = [];
    let end = 0;
    for (const match of regexShadow(text, work).matchAll(pattern)) {
      work.spend(match.index + match[0].length - end + 1);
      if (match.index > end) parts.push({ start: end, end: match.index, isMatch: false });
      end = match.index + match[0].length;
      parts.push({ start: match.index, end, isMatch: true });
    }
    if (end < text.length) parts.push({ start: end, end: text.length, isMatch: false });
    return parts;
  };
}

/** The parts of {@link regexSplitter} one after the other, so that no more is matched than is asked for. */
export function* lazyParts(text: string, pattern: RegExp, work: Work): Generator<Part> {
  let end = 0;
  for (const match of regexShadow(text, work).matchAll(pattern)) {
    work.spend(match.index + match[0].length - end + 1);
    if (match.index > end) yield { start: end, end: match.index, isMatch: false };
    end = match.index + match[0].length;
    yield { start: match.index, end, isMatch: true };
  }
  if (end < text.length) yield { start: end, end: text.length, isMatch: false };
}

/** Splits off every character for which `isDelimiter` holds, each by itself. */
export function charSplitter(isDelimiter: (code: number) => boolean): Splitter {
  return (text, work) => {
    const parts: Part[] = [];
    let end = 0;
    for (let i = 0; i < text.length; ) {
      work.spend(1);
      const code = text.codePointAt(i)!;
      const next = i + (code > 0xffff ? 2 : 1);
      if (isDelimiter(code)) {
        if (end < i) parts.push({ start: end, end: i, isMatch: false });
        parts.push({ start: i, end: next, isMatch: true });
        end = next;
      }
      i = next;
    }
    if (end < text.length) parts.push({ start: end, end: text.length, isMatch: false });
    return parts;
  };
}

export function invert(splitter: Splitter): Splitter {
  return (text, work) => splitter(text, work).map(({ start, end, isMatch }) => ({ start, end, isMatch: !isMatch }));
}

/** Pieces that a behaviour leaves of the parts, none of them empty. */
export function applyBehavior(text: string, parts: readonly Part[], behavior: SplitBehavior): string[] {
  return keptRanges(parts, behavior).map(({ start, end }) => text.slice(start, end));
}

/** Places of the pieces, `[start, end)`. @see tokenizers 0.22.2 tokenizer/normalizer.rs `split` */
export function keptRanges(
  parts: readonly Part[],
  behavior: SplitBehavior,
): readonly { readonly start: number; readonly end: number }[] {
  return rangesOf(parts, behavior).filter(({ start, end }) => end > start);
}

function rangesOf(parts: readonly Part[], behavior: SplitBehavior): readonly { readonly start: number; readonly end: number }[] {
  switch (behavior) {
    case 'Isolated':
      return parts;
    case 'Removed':
      return parts.filter(({ isMatch }) => !isMatch);
    case 'Contiguous':
      return mergeParts(parts, (part, previous) => part.isMatch === previous);
    case 'MergedWithPrevious':
      return mergeParts(parts, (part, previous) => part.isMatch && !previous);
    case 'MergedWithNext':
      return mergeReversed(parts);
  }
}

function mergeParts(
  parts: readonly Part[],
  joins: (part: Part, previousMatched: boolean) => boolean,
): { start: number; end: number }[] {
  const merged: { start: number; end: number }[] = [];
  let previousMatched = false;
  for (const part of parts) {
    const last = merged.at(-1);
    if (last !== undefined && joins(part, previousMatched)) last.end = part.end;
    else merged.push({ start: part.start, end: part.end });
    previousMatched = part.isMatch;
  }
  return merged;
}

function mergeReversed(parts: readonly Part[]): { start: number; end: number }[] {
  const merged: { start: number; end: number }[] = [];
  let followerMatched = false;
  for (let i = parts.length - 1; i >= 0; i -= 1) {
    const part = parts[i]!;
    const last = merged.at(-1);
    if (last !== undefined && part.isMatch && !followerMatched) last.start = part.start;
    else merged.push({ start: part.start, end: part.end });
    followerMatched = part.isMatch;
  }
  return merged.reverse();
}

// The normalisation forms with the reference's Unicode 9 tables, in bounded pieces. Only workers/tokenizer imports it.

import { longRunForm } from './canonical-order.ts';
import { charFlags, FLAG_JOINS, INERT, isAscii, type NormalForm } from './unicode.ts';
import { UNENDING, type Work } from './work.ts';

/** Characters in a row that may join the one before: `normalize` takes the square of it. Words of real text have a few. */
export const LONGEST_RUN = 64;
/** Units given to `normalize` in one call, beside those up to the next character that begins afresh. */
export const NATIVE_UNITS = 4096;

/**
 * Unicode normalisation with the reference's Unicode 9 tables.
 *
 * A character those tables do not know has combining class 0 and no mapping there, so it separates its neighbours: normalising the
 * parts between such characters with newer tables gives the reference's answer, as mappings of older characters never change.
 */
export function normalForm(text: string, form: NormalForm, work: Work = UNENDING): string {
  if (isAscii(text)) return text;
  if (text.length <= LONGEST_RUN) return nativeForm(text, form);
  let out = '';
  for (let start = 0; start < text.length; ) {
    const { end, isLongRun } = nextPiece(text, start, work);
    const piece = start === 0 && end === text.length ? text : text.slice(start, end);
    out += isLongRun ? longRunForm(piece, form, work) : nativeForm(piece, form);
    start = end;
  }
  return out;
}

/** The last place a text can be cut for normalisation: before a character that joins nothing. 0 for none. */
export function lastFreshStart(text: string): number {
  for (let i = text.length - 1; i > 0; i -= 1) {
    const unit = text.charCodeAt(i);
    if ((unit & 0xfc00) === 0xdc00) continue;
    if ((charFlags[text.codePointAt(i)!]! & FLAG_JOINS) === 0) return i;
  }
  return 0;
}

function nativeForm(text: string, form: NormalForm): string {
  if (!INERT.test(text)) return text.normalize(form);
  return text
    .split(INERT)
    .map((part, index) => (index % 2 === 0 ? part.normalize(form) : part))
    .join('');
}

/** From a fresh start to another: many short runs, or a single one that is too long. */
function nextPiece(text: string, start: number, work: Work): { readonly end: number; readonly isLongRun: boolean } {
  let fresh = start;
  let run = 0;
  for (let i = start; i < text.length; ) {
    const code = text.codePointAt(i)!;
    if ((charFlags[code]! & FLAG_JOINS) === 0) {
      if (i - start >= NATIVE_UNITS) return { end: i, isLongRun: false };
      fresh = i;
      run = 0;
    } else {
      run += 1;
      if (run > LONGEST_RUN && fresh > start) return { end: fresh, isLongRun: false };
      if (run > LONGEST_RUN) return { end: runEnd(text, i, work), isLongRun: true };
    }
    i += code > 0xffff ? 2 : 1;
  }
  return { end: text.length, isLongRun: false };
}

function runEnd(text: string, from: number, work: Work): number {
  let end = from;
  while (end < text.length) {
    const code = text.codePointAt(end)!;
    if ((charFlags[code]! & FLAG_JOINS) === 0) break;
    end += code > 0xffff ? 2 : 1;
    work.spend(1);
  }
  return end;
}

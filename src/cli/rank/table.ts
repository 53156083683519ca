// Pure: a ranking as a table for people. The only importer of string-width.

import { styleText } from 'node:util';
import stringWidth from 'string-width';
import type { RankedEntry } from './top-k.ts';

export interface TableStyle {
  /** Columns of the terminal. */
  readonly width: number;
  readonly colour: boolean;
}

const BAR_CELLS = 10;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** The place column grows no wider; a longer place keeps its end. */
const MAX_PLACE_COLUMNS = 28;
/** On a narrow terminal lines wrap rather than lose the text altogether. */
const MIN_TEXT_COLUMNS = 16;

/** One line an entry: rank, score bar, score, `source:line`, the text cut to the width. */
export function tableLines(entries: readonly RankedEntry[], { width, colour }: TableStyle): string[] {
  const fill = barScale(entries);
  const places = entries.map(({ source, line }) => endOf(plain(`${source}:${line}`), MAX_PLACE_COLUMNS));
  const placeColumns = widest(places);
  const rankColumns = String(entries.length).length;
  const scores = entries.map(({ score }) => score.toFixed(4));
  const scoreColumns = widest(scores);
  const textColumns = Math.max(MIN_TEXT_COLUMNS, width - rankColumns - BAR_CELLS - scoreColumns - placeColumns - 8);
  const paint = (style: 'green' | 'dim', text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  return entries.map(({ score, text }, index) => {
    const cells = [
      String(index + 1).padStart(rankColumns),
      paint('green', bar(fill(score))),
      scores[index]!.padStart(scoreColumns),
      paint('dim', padEnd(places[index]!, placeColumns)),
      startOf(plain(text ?? ''), textColumns),
    ];
    return cells.join('  ').trimEnd();
  });
}

/** Probabilities fill the bar by themselves; raw logits from the lowest shown to the highest. */
function barScale(entries: readonly RankedEntry[]): (score: number) => number {
  const scores = entries.map(({ score }) => score);
  const low = scores.reduce((least, score) => Math.min(least, score), 0);
  const high = scores.reduce((most, score) => Math.max(most, score), 1);
  return (score) => (score - low) / (high - low);
}

/** @param share 0..1 */
function bar(share: number): string {
  const eighths = Math.round(share * BAR_CELLS * 8);
  const text = '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!;
  return text.padEnd(BAR_CELLS);
}

/** One line without anything a terminal would obey: a document must not move the cursor or turn the text around. */
export function plain(text: string): string {
  const head = text.slice(0, 4096); // no terminal is wider, and a document may be megabytes
  return head
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The text's start in at most `columns`, with an ellipsis when something is left out. Wide characters count two. */
export function startOf(text: string, columns: number): string {
  let used = 0;
  let kept = '';
  let fitting = '';
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > columns) return `${fitting.trimEnd()}…`;
    kept += segment;
    if (used < columns) fitting = kept;
  }
  return kept;
}

/** The text's end in at most `columns`. */
function endOf(text: string, columns: number): string {
  const segments = Array.from(graphemes.segment(text), ({ segment }) => segment);
  let used = 0;
  let start = segments.length;
  while (start > 0 && used + stringWidth(segments[start - 1]!) <= columns) {
    start -= 1;
    used += stringWidth(segments[start]!);
  }
  return start === 0 ? text : `…${segments.slice(start + 1).join('')}`;
}

/** Columns of the widest text. */
function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, stringWidth(text)), 0);
}

function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - stringWidth(text)));
}

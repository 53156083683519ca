// Grapheme clusters of two to five UTF-8 bytes, the only ones the Precompiled normaliser looks up as a whole. Only charsmap.ts imports it.

import { regexShadow } from './unicode.ts';

/** A cluster's place in the text: `[start, end)` in UTF-16 units. */
export interface Cluster {
  readonly start: number;
  readonly end: number;
}

export const MAX_CLUSTER_BYTES = 5;
/** Below this a character takes at most two bytes: one of two characters in a short cluster must lie there. */
const TWO_BYTE_END = 0x800;
/** Units around a place that are segmented by ICU when our own rules do not decide. */
const WINDOW_UNITS = 24;

const JOINS = 1;
const PREPENDS = 2;
const CONTROLS = 3;

/** Cluster class of every character below U+0800; 0 for those that begin a cluster and take marks. */
const classes = Uint8Array.from({ length: TWO_BYTE_END }, (_, code) => {
  const char = String.fromCharCode(code);
  if (/[\u0600-\u0605\u06dd\u070f]/.test(char)) return PREPENDS;
  if (/\p{M}/u.test(char)) return JOINS;
  return /[\p{Cc}\u00ad\u061c\u00a9\u00ae]/u.test(char) ? CONTROLS : 0;
});

/** Places where a short cluster can be: two neighbours of which one is below U+0800 and one joins or is prepended. */
const CANDIDATE =
  /\r\n|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2][\0-\uffff]|[\0-\u07ff][\p{M}\p{Join_Control}\u0e33\u0eb3\uff9e\uff9f]|[\u0800-\uffff][\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u07fd]/gu;

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

/**
 * Short clusters of more than one character, in order.
 *
 * ICU segments a long text in quadratic time, so the plain cases are decided here and only the rest is shown to it, in
 * windows: a cluster of five bytes never depends on what lies further away.
 */
export function* shortClusters(original: string): Generator<Cluster> {
  // Marks newer than the reference's tables join nothing there.
  const text = regexShadow(original);
  let covered = 0;
  CANDIDATE.lastIndex = 0;
  const pattern = new RegExp(CANDIDATE);
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const at = match.index;
    // The second character may be the base of the next candidate.
    pattern.lastIndex = at + 1;
    if (at < covered) continue;
    const cluster = plainCluster(text, at) ?? windowCluster(text, at);
    covered = cluster.end;
    if (Buffer.byteLength(original.slice(cluster.start, cluster.end)) <= MAX_CLUSTER_BYTES) yield cluster;
  }
}

/** The cluster at a base character and marks below U+0800 whose neighbours are plain; null when ICU must decide. */
function plainCluster(text: string, at: number): Cluster | null {
  if (text.startsWith('\r\n', at)) return { start: at, end: at + 2 };
  if (!isPlain(text, at) || (at > 0 && !isPlain(text, at - 1) && !joins(text, at - 1))) return null;
  let end = at + 1;
  while (end < text.length && joins(text, end)) end += 1;
  const isEnd = end === text.length || isPlain(text, end) || isControl(text, end);
  return end > at + 1 && isEnd ? { start: at, end } : null;
}

function windowCluster(text: string, at: number): Cluster {
  let from = Math.max(0, at - WINDOW_UNITS);
  if (isLowSurrogate(text, from)) from -= 1;
  const slice = text.slice(from, at + WINDOW_UNITS);
  const found = segmenter.segment(slice).containing(at - from);
  return found === undefined
    ? { start: at, end: at + 1 }
    : { start: from + found.index, end: from + found.index + found.segment.length };
}

const joins = (text: string, at: number): boolean => classes[text.charCodeAt(at)] === JOINS;
const isControl = (text: string, at: number): boolean => classes[text.charCodeAt(at)] === CONTROLS;
const isLowSurrogate = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;

/** A base below U+0800, or an ideograph or kana: nothing before it but a prepended sign joins it. */
function isPlain(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < TWO_BYTE_END) return classes[code] === 0;
  return (code >= 0x3041 && code <= 0x3096) || (code >= 0x30a1 && code <= 0x30fa) || (code >= 0x4e00 && code <= 0x9fff);
}

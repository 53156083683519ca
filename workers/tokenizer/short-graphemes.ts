// Grapheme clusters of two to five UTF-8 bytes, the only ones the Precompiled normaliser looks up as a whole. Only charsmap.ts imports it.

import type { LastCut } from './text-sink.ts';
import { regexShadow } from './unicode.ts';
import type { Work } from './work.ts';

/** A cluster's place in the text: `[start, end)` in UTF-16 units. */
export interface Cluster {
  readonly start: number;
  readonly end: number;
}

export const MAX_CLUSTER_BYTES = 5;
/** Below this a character takes at most two bytes: one of two characters in a short cluster must lie there. */
const TWO_BYTE_END = 0x800;
const BMP_END = 0x10000;
/** Units around a place that are segmented by ICU when our own rules do not decide. */
const WINDOW_UNITS = 24;

const JOINS = 1;
const PREPENDS = 2;
const CONTROLS = 3;

/** Cluster class of every character below U+10000, as this V8 sees it; 0 for those that begin a cluster and take marks. */
const classes = new Uint8Array(BMP_END);
const everyChar = Array.from({ length: BMP_END }, (_, code) => String.fromCharCode(code)).join('');
for (const { index } of everyChar.matchAll(/[\p{Cc}\u00ad\u061c\u00a9\u00ae]/gu)) classes[index] = CONTROLS;
// A spacing mark may begin a cluster, so one above U+0800 is left to ICU.
for (const { index } of everyChar.matchAll(/[\p{Mn}\p{Me}\u200c\u200d]|(?=[\0-\u07ff])\p{M}/gu)) classes[index] = JOINS;
for (const { index } of everyChar.matchAll(/[\u0600-\u0605\u06dd\u070f]/gu)) classes[index] = PREPENDS;

/** Places where a short cluster can be: two neighbours of which one is below U+0800 and one joins or is prepended. */
const CANDIDATE =
  /\r\n|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2][\0-\uffff]|[\0-\u07ff][\p{M}\p{Join_Control}\u0e33\u0eb3\uff9e\uff9f]|[\u0800-\uffff][\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u07fd]/gu;

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** What may belong to the cluster before it, and what may draw in what follows: a joiner does so with pictures only. */
const CLINGS = /[\p{M}\p{Cf}\p{Emoji_Modifier}\n\u0e33\u0eb3\u1160-\u11ff\ud7b0-\ud7ff\uff9e\uff9f]/u;
const DRAWS = /(?![\u200c\u200d])[\p{Cf}\r\u0d4e\u1100-\u115f\ua960-\ua97f\u{11000}-\u{11fff}]/u;

const PICTURES = /\p{Extended_Pictographic}/u;

/** The last place that is inside no cluster, whatever stands further away: before a character that clings to nothing. */
export const lastClusterStart: LastCut = (original) => {
  const text = regexShadow(original);
  for (let at = text.length - 1; at > 0; at -= 1) {
    if (isLowSurrogate(text, at)) continue;
    const before = at > 1 && isLowSurrogate(text, at - 1) ? at - 2 : at - 1;
    const first = String.fromCodePoint(text.codePointAt(before)!);
    const second = String.fromCodePoint(text.codePointAt(at)!);
    if (first === '\u200d' && PICTURES.test(second)) continue;
    if (!DRAWS.test(first) && !CLINGS.test(second)) return at;
  }
  return 0;
};

/**
 * Short clusters of more than one character, in order.
 *
 * ICU segments a long text in quadratic time, so the plain cases are decided here and only the rest is shown to it, in
 * windows: a cluster of five bytes never depends on what lies further away.
 */
export function* shortClusters(original: string, work: Work): Generator<Cluster> {
  // Marks newer than the reference's tables join nothing there.
  const text = regexShadow(original, work);
  let covered = 0;
  const pattern = new RegExp(CANDIDATE);
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const cluster = plainCluster(text, match.index) ?? windowCluster(text, match.index);
    work.spend(cluster.end - match.index + WINDOW_UNITS);
    covered = Math.max(cluster.end, match.index + 1);
    // Its last character may be the base of the next candidate when the cluster ends before it.
    pattern.lastIndex = covered;
    if (cluster.end - cluster.start > MAX_CLUSTER_BYTES) continue;
    if (Buffer.byteLength(original.slice(cluster.start, cluster.end)) <= MAX_CLUSTER_BYTES) yield cluster;
  }
}

/** The cluster at a base character and marks whose neighbours are plain; null when ICU must decide. */
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

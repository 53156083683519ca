// Pure: an order of many things, in steps. A sort of the platform cannot be paused.

import { ITEM_CHARACTERS, type Steps } from './turns.ts';

/** Sorted at once. */
const RUN = 16_384;

/** Positions 0 to count - 1 in the order of a comparison, which must tell any two apart. */
export function* sortedInSteps(count: number, compare: (a: number, b: number) => number): Steps<Uint32Array> {
  let from = Uint32Array.from({ length: count }, (_, position) => position);
  for (let start = 0; start < count; start += RUN) {
    from.subarray(start, start + RUN).sort(compare);
    yield Math.min(RUN, count - start) * ITEM_CHARACTERS;
  }
  let to = new Uint32Array(count);
  for (let width = RUN; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) yield* merge({ from, to, start, width, compare });
    [from, to] = [to, from];
  }
  return from;
}

interface Merging {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** Where the first of the two runs begins; the second one follows it. */
  readonly start: number;
  readonly width: number;
  readonly compare: (a: number, b: number) => number;
}

function* merge({ from, to, start, width, compare }: Merging): Steps<void> {
  const middle = Math.min(start + width, from.length);
  const end = Math.min(start + 2 * width, from.length);
  let [left, right] = [start, middle];
  for (let at = start; at < end; at += 1) {
    const takesLeft = right >= end || (left < middle && compare(from[left]!, from[right]!) <= 0);
    to[at] = takesLeft ? from[left++]! : from[right++]!;
    if (at % RUN === RUN - 1) yield (RUN * ITEM_CHARACTERS) / 4;
  }
}

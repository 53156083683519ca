// Pure: a document's token ids -> overlapping windows. Only workers/fit-pair imports it.

import type { Chunking } from '../src/protocol.ts';
import type { TruncationSide } from './tokenizer/truncate.ts';

export interface ChunkWindows {
  /** At least one; each but the last holds exactly the window's size. No copies. */
  readonly windows: readonly Int32Array[];
  /** Whether every id is in a window. */
  readonly isComplete: boolean;
}

/**
 * Windows of `size` ids that share `overlap` with their neighbour, from the beginning; from the end when truncation is on the left,
 * so that the first window always is what truncation keeps.
 *
 * @param size tokens of a window, at least 1
 * @see Encoding::truncate of tokenizers 0.22.2 (`stride`, `return_overflowing_tokens`): the same windows in the same order
 */
export function chunkWindows(
  ids: Int32Array,
  size: number,
  side: TruncationSide,
  { overlap, maxChunks }: Chunking,
): ChunkWindows {
  const step = size - sharedTokens(size, overlap);
  const limit = maxChunks ?? Number.POSITIVE_INFINITY;
  const windows: Int32Array[] = [];
  let covered = 0;
  for (let start = 0; covered < ids.length && windows.length < limit; start += step) {
    covered = Math.min(start + size, ids.length);
    windows.push(side === 'right' ? ids.subarray(start, covered) : ids.subarray(ids.length - covered, ids.length - start));
  }
  return { windows, isComplete: covered === ids.length };
}

/** Never above half a window: a step that small would multiply the work without end. */
export function sharedTokens(size: number, overlap: Chunking['overlap']): number {
  const wanted = 'tokens' in overlap ? overlap.tokens : Math.floor(size * overlap.share);
  return Math.min(wanted, Math.floor(size / 2));
}

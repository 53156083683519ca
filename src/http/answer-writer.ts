// Writes JSON answers: as bytes, large ones in turns and slices, counted in the budget until the client's side has taken them.

import type { Response } from 'express';
import { SharedTurns } from '../rerank/turns.ts';
import type { BodyBudget } from './body-budget.ts';
import { jsonPieces } from './json-pieces.ts';
import { contextOf } from './request-context.ts';

/** What the kernel has taken is known slice by slice; smaller ones would cost large answers time. */
const SLICE_BYTES = 64 * 1024;

/** Of all large answers of the process, as there is one event loop. */
const TURNS = new SharedTurns();

/** Whose answer may be written at once. */
const SMALL_BODY_BYTES = 131_072;

/** As `res.json`, but of what waits for the client there is one copy, and it is in the budget. */
export async function writeJson(res: Response, body: unknown, budget: BodyBudget): Promise<void> {
  // Most answers are small, and known to be: at most some 70 bytes for each byte of the body.
  const { bytesIn = 0 } = contextOf(res).record;
  const pieces = bytesIn <= SMALL_BODY_BYTES ? [Buffer.from(JSON.stringify(body))] : await jsonPieces(body, TURNS.next);
  if (res.destroyed) return;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  res.set({ 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': String(length) });
  if (length <= SLICE_BYTES) res.end(pieces[0]);
  else writeSlices(res, { slices: pieces.flatMap(slicesOf), length }, budget);
}

function slicesOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / SLICE_BYTES) }, (_, index) =>
    bytes.subarray(index * SLICE_BYTES, (index + 1) * SLICE_BYTES),
  );
}

interface Sliced {
  readonly slices: readonly Buffer[];
  readonly length: number;
}

function writeSlices(res: Response, { slices, length }: Sliced, budget: BodyBudget): void {
  let waiting = length;
  budget.add(waiting);
  const settle = (taken: number): void => {
    waiting -= taken;
    budget.add(-taken);
  };
  res.once('close', () => settle(waiting));
  const write = (index: number): void => {
    const slice = slices[index]!;
    if (index === slices.length - 1) return void res.end(slice);
    res.write(slice, (error) => {
      if (error || res.destroyed) return;
      settle(slice.length);
      write(index + 1);
    });
  };
  write(0);
}

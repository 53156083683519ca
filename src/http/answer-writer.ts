// Writes JSON answers: as bytes, large ones in slices, counted in the budget until the client's side has taken them.

import type { Response } from 'express';
import type { BodyBudget } from './body-budget.ts';

/** What the kernel has taken is known slice by slice; smaller ones would cost large answers time. */
const SLICE_BYTES = 64 * 1024;

/** As `res.json`, but of what waits for the client there is one copy, and it is in the budget. */
export function writeJson(res: Response, body: unknown, budget: BodyBudget): void {
  const bytes = Buffer.from(JSON.stringify(body));
  res.set({ 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': String(bytes.length) });
  if (bytes.length <= SLICE_BYTES) res.end(bytes);
  else writeSlices(res, bytes, budget);
}

function writeSlices(res: Response, bytes: Buffer, budget: BodyBudget): void {
  let waiting = bytes.length;
  budget.add(waiting);
  const settle = (taken: number): void => {
    waiting -= taken;
    budget.add(-taken);
  };
  res.once('close', () => settle(waiting));
  const write = (start: number): void => {
    const slice = bytes.subarray(start, start + SLICE_BYTES);
    const next = start + slice.length;
    if (next === bytes.length) return void res.end(slice);
    res.write(slice, (error) => {
      if (error || res.destroyed) return;
      settle(slice.length);
      write(next);
    });
  };
  write(0);
}

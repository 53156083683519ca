// Writes JSON answers: as bytes, large ones in slices, counted in the budget until the client's side has taken them.

import type { Response } from 'express';
import type { BodyBudget } from './body-budget.ts';

/** What the kernel has taken is known slice by slice; smaller ones would cost large answers time. */
const SLICE_BYTES = 64 * 1024;

/** As `res.json`, but of what waits for the client there is one copy, and it is in the budget. */
export function writeJson(res: Response, body: unknown, budget: BodyBudget): void {
  const text = JSON.stringify(body);
  res.set('Content-Type', 'application/json; charset=utf-8');
  if (text.length <= SLICE_BYTES) {
    res.set('Content-Length', String(Buffer.byteLength(text))).end(text); // as a text it goes out in one piece with the headers
    return;
  }
  const bytes = Buffer.from(text);
  res.set('Content-Length', String(bytes.length));
  writeSlices(res, bytes, budget);
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

// The priority of the calling thread. Only Linux has one for each thread.

import { setPriority } from 'node:os';

/**
 * Makes the calling thread yield to others of the process where cores are short, so that the main thread answers while all cores score.
 *
 * On Linux a nice value belongs to a thread and 0 names the calling one (setpriority(2), NOTES); elsewhere it would slow the whole
 * process, so nothing happens there.
 *
 * @param nice 0 to 19; 0 changes nothing
 */
export function yieldToOtherThreads(nice: number): void {
  if (nice === 0 || process.platform !== 'linux') return;
  setPriority(0, nice);
}

// Runs session-probe in a fresh process, so that nothing is warm.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ModelWeights } from '../../src/protocol.ts';
import type { SessionCost } from './session-probe.ts';

const PROBE = fileURLToPath(new URL('./session-probe.js', import.meta.url));

/** Costs of `sessions` sessions opened one after another in one process. */
export async function sessionCosts(weights: ModelWeights, sessions: number): Promise<SessionCost[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROBE, JSON.stringify(weights), String(sessions)]);
  return JSON.parse(stdout) as SessionCost[];
}

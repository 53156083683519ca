// Request headers that say how a call is to be treated, whatever its dialect. Pure.

import { RerankError } from '../errors.ts';
import { DEFAULT_URGENCY } from '../protocol.ts';

const MAX_SECONDS = 86_400;

/**
 * `X-Request-Timeout`: seconds the caller will wait, counted from the arrival; fractions allowed.
 *
 * @returns null when the header is absent
 * @throws RerankError `validation` when it is no positive number of seconds
 */
export function callerTimeoutSeconds(header: string | undefined): number | null {
  if (header === undefined || header.trim() === '') return null;
  const seconds = /^\s*(\d+\.?\d*|\.\d+)\s*$/.test(header) ? Number(header) : Number.NaN;
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw new RerankError('validation', `X-Request-Timeout must be a number of seconds above 0 and at most ${MAX_SECONDS}`, {
    field: 'X-Request-Timeout',
  });
}

/**
 * The urgency of the header `Priority`: `u=0` (most urgent) to `u=7` (background work).
 *
 * @returns the default for everything that is not understood, as the standard asks
 * @see https://www.rfc-editor.org/rfc/rfc9218#section-4.1
 */
export function urgencyOf(header: string | undefined): number {
  const found = /(?:^|,)\s*u=([0-7])\s*(?=$|[,;])/.exec(header ?? '');
  return found === null ? DEFAULT_URGENCY : Number(found[1]);
}

// API keys: compared before a body is read, in time that tells nothing. No keys configured: everything is open.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { RerankError } from '../errors.ts';

/**
 * Lets a request pass that carries one of the keys, as `Authorization: Bearer KEY` or the bare key (as some clients of
 * text-embeddings-inference send it), and every request to an open path.
 *
 * @param keys   none means that no key is asked for
 * @param isOpen paths whoever watches the server asks without a key
 */
export function requireApiKey(keys: readonly string[], isOpen: (path: string) => boolean): RequestHandler {
  const digests = keys.map(digestOf);
  return (req, res, next) => {
    if (digests.length === 0 || isOpen(req.path.toLowerCase().replace(/(?<=.)\/$/, ''))) return next();
    const given = givenKey(req.get('authorization') ?? '');
    if (given !== '' && isOneOf(digestOf(given), digests)) return next();
    res.set('WWW-Authenticate', 'Bearer');
    throw new RerankError(
      'unauthorized',
      given === '' ? 'an API key is required: Authorization: Bearer KEY' : 'the API key is wrong',
    );
  };
}

function givenKey(header: string): string {
  return header.replace(/^bearer(?:\s+|$)/i, '').trim();
}

/** Digests have one length, and every key is looked at: neither length nor position shows in the time. */
function isOneOf(given: Buffer, digests: readonly Buffer[]): boolean {
  let found = false;
  for (const digest of digests) found = timingSafeEqual(given, digest) || found;
  return found;
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

// Which names the server is called by. A page whose own name leads to this machine (DNS rebinding) is of the same origin, so CORS does not stop it.

import type { RequestHandler } from 'express';
import { RerankError } from '../errors.ts';
import { hostnameOf, isAddress, isLoopback } from './loopback.ts';

/** Whether a request with this `Host` header is served; without one, as HTTP/1.0 and no browser sends it, it is. */
export type HostRule = (header: string | undefined) => boolean;

/**
 * Loopback names, addresses, the server's own name, and those allowed. A server bound elsewhere than to loopback has names it cannot
 * know, so it looks only when names are given.
 *
 * @param hostname bound to
 * @param allowed  names; `*.shop.example` is every name below it, `*` is any
 */
export function hostRule(hostname: string, allowed: readonly string[]): HostRule {
  const names = allowed.map((name) => name.toLowerCase());
  if (names.includes('*') || (names.length === 0 && !isLoopback(hostname))) return () => true;
  const own = hostnameOf(hostname);
  const exact = new Set([...names, ...(own === null ? [] : [own])]);
  const suffixes = names.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
  return (header) => {
    if (header === undefined) return true;
    const name = hostnameOf(header);
    if (name === null) return false;
    return isLoopback(name) || isAddress(name) || exact.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
  };
}

/** Answers 403 to the others. */
export function requireHost(isServed: HostRule): RequestHandler {
  return (req, _res, next) => {
    if (isServed(req.headers.host)) return next();
    throw new RerankError('host_not_allowed', 'the server is not called by this name (Host); --allowed-host names others');
  };
}

// What is fuzzed: every POST route of a dialect below every path it is mounted on, and what its answers must look like.

import { z } from 'zod';
import type { Dialect, Route } from '../../../src/http/dialects/dialect.ts';
import { DIALECTS } from '../../../src/http/dialects/dialect-list.ts';
import { type Claim, type MountedRoute, RouteTable } from '../../../src/http/route-table.ts';

export interface Target {
  readonly path: string;
  readonly mounted: MountedRoute;
  readonly route: Route;
}

const table = new RouteTable(DIALECTS, null);

export function targetsOf(dialect: Dialect): Target[] {
  return table.paths.flatMap(({ path, methods }) => {
    const mounted = methods.get('POST');
    const claims = mounted?.claims.filter((claim) => claim.dialect === dialect) ?? [];
    return claims.map(({ route }) => ({ path, mounted: mounted!, route }));
  });
}

/** Names of the fields its schema knows. */
export function fieldsOf({ schema }: Route): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/**
 * Whose answer a body gets: the claimant's once its text is understood, the path's owner's before.
 *
 * @param text as `HostileBody.text`
 */
export function answererOf({ mounted }: Target, text: string | null | undefined, status: number): readonly Claim[] {
  if (text === undefined) return [mounted.owner, ...mounted.claims];
  if (text === null || status === 415 || isDeep(text)) return [mounted.owner];
  const parsed = parse(text.replace(/^\ufeff/, ''));
  const claim = parsed === null ? mounted.owner : mounted.claimOf(parsed.value);
  return status === 413 ? [mounted.owner, claim] : [claim]; // a body may be too large by its values, or by its documents
}

const MAX_DEPTH = 32;

/** Whether brackets outside of strings are nested deeper than bodies may be. */
function isDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length && depth <= MAX_DEPTH; i += 1) {
    const character = text[i]!;
    if (character === '"') inString = !inString;
    else if (inString) i += character === '\\' ? 1 : 0;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
  }
  return depth > MAX_DEPTH;
}

function parse(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

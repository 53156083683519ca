// W3C Trace Context, levels 1 and 2: one header <-> a place in a trace. Pure; http reads and writes it, tracing continues it.

import { randomBytes } from 'node:crypto';

/** A span somewhere, as its trace knows it. Ids are lower-case hexadecimal. */
export interface TraceContext {
  /** 32 digits. */
  readonly traceId: string;
  /** 16 digits. */
  readonly spanId: string;
  /** Bit 0: the caller records this trace; bit 1: the trace id is random. */
  readonly flags: number;
  /** `tracestate` as it came, for whoever continues the trace; null for none. */
  readonly state: string | null;
}

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Flags that have a meaning; a later version may have given one to the others. */
const KNOWN_FLAGS = 0b11;
const RANDOM_FLAG = 0b10;

/**
 * The caller's span, or null when the header is absent or not as the standard wants it: a bad one is as good as none, never an error.
 *
 * @see https://www.w3.org/TR/trace-context-2/#traceparent-header
 */
export function parseTraceparent(header: string | undefined, state: string | null = null): TraceContext | null {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(header ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  if (version === '00' && more !== undefined) return null; // later versions may append fields, this one has none
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & KNOWN_FLAGS, state };
}

/** `00-TRACE-SPAN-FLAGS` */
export function formatTraceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}

/** A span of ours below the caller's that nobody records. */
export function unrecordedChild({ traceId, flags, state }: TraceContext): TraceContext {
  let spanId = randomBytes(8).toString('hex');
  while (/^0+$/.test(spanId)) spanId = randomBytes(8).toString('hex');
  return { traceId, spanId, flags: flags & RANDOM_FLAG, state };
}

// Bounds the bytes of request bodies that are being read or answered, all requests together.

import type { RequestHandler } from 'express';
import { RerankError } from '../errors.ts';
import { contextOf } from './request-context.ts';

/** Bytes in flight against their bound. */
export class BodyBudget {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether so much more would fit. */
  fits(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.limitBytes;
  }

  add(bytes: number): void {
    this.#usedBytes += bytes;
  }
}

/**
 * Wraps what reads a body. A request that declares more than there is room for is refused before it is read. What counts is what has
 * come, not what is declared: connections that announce much and send nothing take no room from the others. A body that outgrows the
 * bound while it is read ends its connection.
 *
 * @param readBody middleware that reads the body of a POST
 */
export function withinBudget(budget: BodyBudget, readBody: RequestHandler): RequestHandler {
  return (req, res, next) => {
    const declaredBytes = Number(req.get('content-length') ?? 0);
    if (!budget.fits(declaredBytes)) throw full(budget);
    const account = new BodyAccount(budget);
    res.once('close', () => account.close());
    let settled = false;
    const settle = (error?: unknown): void => {
      if (settled) return;
      settled = true;
      next(error);
    };
    req.on('data', (chunk: Buffer) => {
      if (settled || account.grow(chunk.length)) return;
      // The reader cannot be told to stop; it ends with the connection, once the answer is out.
      res.set('Connection', 'close').once('finish', () => req.destroy());
      settle(full(budget));
    });
    readBody(req, res, (error?: unknown) => {
      const { bytesIn = 0 } = contextOf(res).record;
      settle(error ?? (account.growTo(bytesIn) ? undefined : full(budget)));
    });
  };
}

/** One request's part of the budget. */
class BodyAccount {
  readonly #budget: BodyBudget;
  #bytes = 0;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  /** @returns false when there is no room; nothing is added then */
  grow(bytes: number): boolean {
    if (!this.#budget.fits(bytes)) return false;
    this.#budget.add(bytes);
    this.#bytes += bytes;
    return true;
  }

  /** After decompression a body can be larger than what came. */
  growTo(bytes: number): boolean {
    return bytes <= this.#bytes || this.grow(bytes - this.#bytes);
  }

  close(): void {
    this.#budget.add(-this.#bytes);
    this.#bytes = 0;
  }
}

const RETRY_SECONDS = 1; // bodies are short-lived

function full({ limitBytes }: BodyBudget): RerankError {
  return new RerankError('overloaded', `the request bodies in flight would exceed ${limitBytes} bytes`, {
    retryAfterSeconds: RETRY_SECONDS,
  });
}

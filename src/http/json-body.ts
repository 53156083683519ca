// Middleware of one POST route: media type, size, compression, charset, structure, JSON. Words what is wrong before a body is understood.

import type { Request, RequestHandler, Response } from 'express';
import { RerankError } from '../errors.ts';
import { SharedTurns } from '../rerank/turns.ts';
import { inflaterFor, transcoderFor } from './body/body-form.ts';
import { type BodyLimits, tooLarge } from './body/body-limits.ts';
import { PaceWatch } from './body/pace-watch.ts';
import { parseBody } from './body/parse-json.ts';
import { receiveBody } from './body/receive-body.ts';
import { ArrivalTurns } from './body/turns.ts';
import type { BodyBudget } from './body-budget.ts';
import { contextOf } from './request-context.ts';

/**
 * Any JSON value within the limits is let through: that a body is no object is for the dialect to say.
 *
 * @param limits of one body after decompression
 * @param budget of all bodies together
 */
export function jsonBody(limits: BodyLimits, budget: BodyBudget): readonly RequestHandler[] {
  const reader = new BodyReader(limits, budget);
  return [
    (req, res, next) => {
      reader.read(req, res).then(
        () => next(),
        (error: unknown) => untilSent(req).then(() => next(error)),
      );
    },
  ];
}

/** A declared length over the limit is refused at once instead of after reading it all. */
function requireJson(req: Request, limits: BodyLimits): void {
  const declaredBytes = Number(req.get('content-length') ?? Number.NaN);
  if (declaredBytes > limits.bytes) throw tooLarge(limits.bytes);
  const type = declaredBytes === 0 ? null : req.is(['application/json', 'application/*+json']);
  if (type === null) throw new RerankError('malformed_body', 'the body is empty; a JSON object is expected');
  if (type === false) throw new RerankError('unsupported_media_type', 'the body must be sent as Content-Type: application/json');
}

class BodyReader {
  readonly #limits: BodyLimits;
  readonly #budget: BodyBudget;
  readonly #turns = new SharedTurns();
  readonly #arrivals = new ArrivalTurns();
  readonly #pace: PaceWatch;

  constructor(limits: BodyLimits, budget: BodyBudget) {
    this.#limits = limits;
    this.#budget = budget;
    this.#pace = new PaceWatch(() => budget.usedBytes > budget.limitBytes / 2);
  }

  async read(req: Request, res: Response): Promise<void> {
    requireJson(req, this.#limits);
    const context = contextOf(res);
    const { record, signal } = context;
    const transcoder = transcoderFor(req.get('content-type'));
    this.#budget.checkRoom(Number(req.get('content-length') ?? 0));
    const account = this.#budget.open();
    res.once('close', () => account.close());
    context.releaseBody = () => {
      req.body = undefined;
      account.close();
    };
    const hold = (bytes: number) => holdOrHangUp(() => account.hold(bytes), req, res);
    const noteBytes = (bytes: number) => {
      record.bytesIn = bytes;
    };
    const inflater = inflaterFor(req.get('content-encoding'));
    try {
      const common = { limits: this.#limits, arrivals: this.#arrivals, hold, noteBytes };
      const { bytes, scan } = await this.#watched(req, res, (cut) => receiveBody(req, { inflater, transcoder, cut, ...common }));
      req.body = await parseBody(bytes, scan, { turns: this.#turns, isGone: () => signal.aborted });
      bytes.clear(); // its room stays taken: texts are copied for the workers, and for the answer
    } catch (error) {
      account.close(); // nothing of the body is left
      throw error;
    }
  }

  /** A small body is not worth a look: many of them have room of their own. */
  async #watched<Result>(req: Request, res: Response, receive: (cut: AbortSignal) => Promise<Result>): Promise<Result> {
    const cut = new AbortController();
    if (Number(req.get('content-length') ?? Number.POSITIVE_INFINITY) <= UNWATCHED_BYTES) return receive(cut.signal);
    const { record } = contextOf(res);
    const unwatch = this.#pace.watch({
      bytes: () => record.bytesIn ?? 0,
      cut: () => {
        res.set('Connection', 'close').once('finish', () => req.destroy()); // what it still sends would go on as slowly
        cut.abort(tooSlow());
      },
    });
    return receive(cut.signal).finally(unwatch);
  }
}

/** On the wire. */
const UNWATCHED_BYTES = 65_536;

function tooSlow(): RerankError {
  return new RerankError('overloaded', 'the body came too slowly while others need its room', { retryAfterSeconds: 1 });
}

/** Bytes of a refused body that are still read, and the time they have, before a connection that ends with its answer ends. */
const LINGER_BYTES = 67_108_864;
const LINGER_MS = 5000;

/**
 * A client that wants its connection closed may lose the answer to a body that it is still sending: closing a connection with bytes that
 * nobody has read resets it. So what it sends is read first, within bounds, and thrown away.
 */
async function untilSent(req: Request): Promise<void> {
  const closes = req.httpVersion === '1.0' || /\bclose\b/i.test(req.get('connection') ?? '');
  if (!closes || req.complete || req.destroyed) return;
  await new Promise<void>((resolve) => {
    let bytes = 0;
    const timer = setTimeout(resolve, LINGER_MS);
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LINGER_BYTES) resolve();
    });
    req
      .once('end', resolve)
      .once('close', resolve)
      .once('close', () => clearTimeout(timer));
  });
}

/**
 * A body that finds no room any more while it is read, and has not said how long it is, ends its connection once the answer is out: it
 * may go on for long.
 */
function holdOrHangUp(hold: () => void, req: Request, res: Response): void {
  try {
    hold();
  } catch (error) {
    if (req.get('content-length') === undefined) res.set('Connection', 'close').once('finish', () => req.destroy());
    throw error;
  }
}

// Takes the chunks of a body as they come: inflates, counts, scans and keeps them, and stops at the first bound that is passed.

import { isAscii } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { RerankError } from '../../errors.ts';
import { BodyBytes } from './body-bytes.ts';
import type { Inflater, Transcoder } from './body-form.ts';
import { type BodyLimits, checkRatio, tooLarge } from './body-limits.ts';
import { heldBytes } from './held-bytes.ts';
import { JsonScanner } from './json-scanner.ts';
import type { ArrivalTurns } from './turns.ts';

/** A body that has come, not parsed yet. */
export interface ReceivedBody {
  /** UTF-8, a byte order mark included. */
  readonly bytes: BodyBytes;
  readonly scan: JsonScanner;
}

export interface Receiving {
  /** Null for a body that is not compressed. */
  readonly inflater: Inflater | null;
  /** Null for UTF-8. */
  readonly transcoder: Transcoder | null;
  readonly limits: BodyLimits;
  /** Of all bodies that come. */
  readonly arrivals: ArrivalTurns;
  /** Aborted, with the error as its reason, when the body must not go on. */
  readonly cut: AbortSignal;
  /** Told what the body holds, and will hold once it is parsed, as it grows; throws when that is too much. */
  readonly hold: (heldBytes: number) => void;
  /** Told the bytes after decompression as they come. */
  readonly noteBytes: (bytes: number) => void;
}

/**
 * Reads a body to its end, or as far as it can be JSON. Whatever stops it, what had come is forgotten and what still comes is thrown away.
 *
 * @returns rejects with RerankError `payload_too_large`, `validation`, `malformed_body`, `cancelled`, and what `hold` throws
 */
export function receiveBody(request: IncomingMessage, receiving: Receiving): Promise<ReceivedBody> {
  return new Promise((resolve, reject) => new Receiver(request, receiving, resolve, reject).start());
}

class Receiver {
  readonly #request: IncomingMessage;
  readonly #receiving: Receiving;
  readonly #resolve: (body: ReceivedBody) => void;
  readonly #reject: (error: unknown) => void;
  readonly #bytes = new BodyBytes();
  readonly #scan: JsonScanner;
  #inflatedBytes = 0;
  #wireBytes = 0;
  #endsWithBackslash = false;
  /** Chunks that wait for a turn with room, and the source with them. */
  #waiting = 0;
  #hasEnded = false;
  #isSettled = false;

  constructor(
    request: IncomingMessage,
    receiving: Receiving,
    resolve: (body: ReceivedBody) => void,
    reject: (error: unknown) => void,
  ) {
    this.#request = request;
    this.#receiving = receiving;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#scan = new JsonScanner(receiving.limits);
  }

  start(): void {
    const request = this.#request;
    const { inflater } = this.#receiving;
    this.#receiving.cut.addEventListener('abort', this.#cut, { once: true });
    request.once('close', this.#gone);
    request.on('error', this.#gone);
    if (inflater !== null) {
      request.on('data', this.#countWire);
      inflater.on('error', (cause) => this.#fail(unreadable(cause)));
      request.pipe(inflater);
    }
    const source = inflater ?? request;
    source.on('data', this.#takeInTurn);
    source.once('end', () => {
      this.#hasEnded = true;
      if (this.#waiting === 0) this.#guard(() => this.#end());
    });
  }

  readonly #cut = (): void => this.#fail(this.#receiving.cut.reason);

  readonly #gone = (): void => {
    if (!this.#request.complete) this.#fail(new RerankError('cancelled', 'the client closed the connection'));
  };

  /** Compressed bytes need not inflate to anything. */
  readonly #countWire = (chunk: Buffer): void => {
    this.#wireBytes += chunk.length;
    const { bytes } = this.#receiving.limits;
    if (this.#wireBytes > bytes) this.#fail(tooLarge(bytes));
  };

  readonly #takeInTurn = (chunk: Buffer): void => {
    const { inflater, arrivals } = this.#receiving;
    if (this.#waiting === 0 && arrivals.tryTake(chunk.length)) {
      this.#take(chunk);
      return;
    }
    this.#waiting += 1;
    const source = (inflater ?? this.#request).pause();
    void arrivals.next(chunk.length).then(() => {
      this.#waiting -= 1;
      this.#take(chunk);
      if (this.#waiting > 0) return;
      if (this.#hasEnded) this.#guard(() => this.#end());
      else source.resume();
    });
  };

  readonly #take = (chunk: Buffer): void => {
    this.#guard(() => {
      const { inflater, transcoder, limits, noteBytes } = this.#receiving;
      this.#inflatedBytes += chunk.length;
      noteBytes(this.#inflatedBytes);
      if (this.#inflatedBytes > limits.bytes) throw tooLarge(limits.bytes);
      if (inflater !== null) checkRatio(inflater.bytesWritten, this.#inflatedBytes);
      this.#keep(transcoder === null ? chunk : transcoder(chunk));
      if (this.#scan.brokenAt !== null) this.#finish();
    });
  };

  #keep(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#noteWidth(chunk);
    this.#scan.scan(chunk);
    this.#receiving.hold(this.#bytes.length + chunk.length + heldBytes(this.#scan));
    this.#bytes.append(chunk);
  }

  /** One escape or byte beyond ASCII is enough, and both are looked for natively. */
  #noteWidth(chunk: Buffer): void {
    if (this.#scan.wide) return;
    const continued = this.#endsWithBackslash && chunk[0] === 0x75;
    this.#scan.wide = continued || !isAscii(chunk) || chunk.includes('\\u');
    this.#endsWithBackslash = chunk.at(-1) === 0x5c;
  }

  #end(): void {
    const { transcoder } = this.#receiving;
    if (transcoder !== null) this.#keep(transcoder(null));
    if (this.#inflatedBytes === 0) throw new RerankError('malformed_body', 'the body is empty; a JSON object is expected');
    this.#finish();
  }

  #finish(): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#scan.end();
    this.#resolve({ bytes: this.#bytes, scan: this.#scan });
  }

  #fail(error: unknown): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#bytes.clear();
    this.#reject(error);
  }

  #guard(step: () => void): void {
    if (this.#isSettled) return;
    try {
      step();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What still comes is read and thrown away, so that the client gets to see its answer. */
  #settle(): void {
    const request = this.#request;
    const { inflater } = this.#receiving;
    this.#isSettled = true;
    request.off('close', this.#gone).off('error', this.#gone).on('error', ignore); // the request outlives its bytes
    request.off('data', this.#takeInTurn).off('data', this.#countWire);
    if (inflater !== null) {
      request.unpipe(inflater);
      inflater.off('data', this.#takeInTurn);
      inflater.destroy();
    }
    request.resume();
  }
}

function ignore(): void {}

function unreadable(cause: unknown): RerankError {
  return new RerankError('malformed_body', 'the body could not be read: wrong length, encoding or compression', { cause });
}

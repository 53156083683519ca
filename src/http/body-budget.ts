// Bounds the memory of request bodies that are being read or answered, all requests together.

import { RerankError } from '../errors.ts';

/** Bodies that hold no more find room beside all the large ones there may be: an ordinary request with some dozens of documents. */
const SMALL_BYTES = 262_144;

/** What the larger ones may fill. */
const LARGE_SHARE = 7 / 8;

/** Memory of bodies in flight against its bound. */
export class BodyBudget {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * A request that declares more than there is room for need not be read. What counts is what has come, not what is declared:
   * connections that announce much and send nothing take no room from the others.
   *
   * @throws RerankError `overloaded`, or `payload_too_large` when there never can be room
   */
  checkRoom(bytes: number): void {
    this.#check(bytes, bytes);
  }

  /** Bytes of an answer that waits for its client, or negative when they have been taken: what was asked for is not refused any more. */
  add(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Of one request; closed when it is over. */
  open(): BodyAccount {
    return new BodyAccount((more, all) => {
      if (more > 0) this.#check(more, all);
      this.#usedBytes += more;
    });
  }

  #check(moreBytes: number, allBytes: number): void {
    const limitBytes = allBytes <= SMALL_BYTES ? this.limitBytes : Math.floor(this.limitBytes * LARGE_SHARE);
    if (allBytes > limitBytes) throw hopeless(limitBytes);
    if (this.#usedBytes + moreBytes > limitBytes) throw full(limitBytes);
  }
}

/** One request's part of the budget. */
export class BodyAccount {
  readonly #move: (moreBytes: number, allBytes: number) => void;
  #bytes = 0;
  #isClosed = false;

  constructor(move: (moreBytes: number, allBytes: number) => void) {
    this.#move = move;
  }

  /**
   * From now on the request holds so many bytes, more or fewer than before.
   *
   * @throws RerankError as {@link BodyBudget.checkRoom}; the request then holds what it held
   */
  hold(bytes: number): void {
    if (this.#isClosed) return;
    this.#move(bytes - this.#bytes, bytes);
    this.#bytes = bytes;
  }

  close(): void {
    this.hold(0);
    this.#isClosed = true;
  }
}

const RETRY_SECONDS = 1; // bodies are short-lived

function full(limitBytes: number): RerankError {
  return new RerankError('overloaded', `the request bodies in flight would take more than ${limitBytes} bytes of memory`, {
    retryAfterSeconds: RETRY_SECONDS,
  });
}

function hopeless(limitBytes: number): RerankError {
  return new RerankError('payload_too_large', `the body would take more than the ${limitBytes} bytes of memory for all bodies`);
}

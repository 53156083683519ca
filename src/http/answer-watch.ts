// Cuts connections whose clients do not take their answers. Looks at sockets only: whatever writes, and for whatever path, is bounded alike.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface AnswerLimits {
  /** How long an answer may wait for a client that takes nothing, and the window over which its pace is measured. */
  readonly timeoutMs: number;
  /** Whether answers that wait keep others out; slow clients then have less time. */
  readonly isCrowded: () => boolean;
  readonly onCut: (cut: CutAnswer) => void;
}

/** What is known of an answer that was not taken. */
export interface CutAnswer {
  readonly requestId: string | undefined;
  readonly bytesLeft: number;
  /** The window in which too little was taken. */
  readonly windowMs: number;
  /** Others were kept out by it. */
  readonly crowded: boolean;
}

/** The slowest pace that is served, in bytes a second, over each window of the answer timeout. */
export const SLOWEST_BYTES_PER_SECOND = 16 * 1024;

/** The same while answers keep others out: 30 MB in two minutes. */
export const SLOWEST_BYTES_PER_SECOND_WHEN_CROWDED = 256 * 1024;
const CROWDED_WINDOW_MS = 4000;

const LONGEST_TICK_MS = 1000;
const TICKS_A_WINDOW = 4;

/** Answers that were cut, so that nobody reports them as complete: Node calls the writing of a closed socket finished. */
const cutAnswers = new WeakSet<ServerResponse>();

export function wasCut(res: ServerResponse): boolean {
  return cutAnswers.has(res);
}

export class AnswerWatch {
  /** Between two looks. Time is counted in looks, so that a machine that slept, or a loop that stood, costs no client its answer. */
  readonly tickMs: number;
  readonly #limits: AnswerLimits;
  readonly #relaxed: Pace;
  readonly #crowded: Pace;
  /** Sockets and the responses that wait on them, the one being written first. */
  readonly #open = new Map<Socket, Set<ServerResponse>>();

  constructor(limits: AnswerLimits) {
    this.#limits = limits;
    const crowdedMs = Math.min(CROWDED_WINDOW_MS, limits.timeoutMs);
    this.tickMs = Math.min(LONGEST_TICK_MS, crowdedMs / TICKS_A_WINDOW);
    this.#relaxed = new Pace(limits.timeoutMs, this.tickMs, SLOWEST_BYTES_PER_SECOND);
    this.#crowded = new Pace(crowdedMs, this.tickMs, SLOWEST_BYTES_PER_SECOND_WHEN_CROWDED);
  }

  /** A connection; forgotten when it closes. */
  add(socket: Socket): void {
    const waiting = new Set<ServerResponse>();
    this.#open.set(socket, waiting);
    socket.once('close', () => {
      this.#open.delete(socket);
      // Node says nothing of pipelined answers that had not their turn, and whoever counts them would count them for ever.
      setImmediate(() => closeUntold(waiting));
    });
  }

  /** A response that will be written to one of the connections. */
  expect(res: ServerResponse, socket: Socket): void {
    const waiting = this.#open.get(socket);
    if (waiting === undefined) return;
    waiting.add(res);
    res.once('close', () => waiting.delete(res));
  }

  /** Looks at every connection; called every {@link tickMs}. */
  tick(): void {
    const crowded = this.#limits.isCrowded();
    for (const [socket, waiting] of this.#open) {
      const pending = socket.writableLength;
      const taken = socket.bytesWritten - pending;
      // Both look each time, or a window would begin in the past.
      const slow = this.#relaxed.isSlow(socket, pending, taken);
      const slowForCrowd = this.#crowded.isSlow(socket, pending, taken);
      if (slow || (crowded && slowForCrowd)) this.#cut(socket, waiting, !slow);
    }
  }

  #cut(socket: Socket, waiting: ReadonlySet<ServerResponse>, crowded: boolean): void {
    const [first] = waiting;
    const id = first?.getHeader('x-request-id');
    for (const res of waiting) cutAnswers.add(res);
    const requestId = id === undefined ? undefined : String(id);
    const { windowMs } = crowded ? this.#crowded : this.#relaxed;
    this.#limits.onCut({ requestId, bytesLeft: socket.writableLength, windowMs, crowded });
    socket.resetAndDestroy(); // a plain close would leave what the kernel holds to be sent
  }
}

function closeUntold(waiting: ReadonlySet<ServerResponse>): void {
  for (const res of [...waiting]) {
    res.destroy();
    res.emit('close');
  }
}

/** How fast answers are taken, window by window. */
class Pace {
  readonly windowMs: number;
  readonly #windowTicks: number;
  readonly #leastBytes: number;
  readonly #windows = new WeakMap<Socket, Window>();

  constructor(windowMs: number, tickMs: number, bytesPerSecond: number) {
    this.windowMs = windowMs;
    this.#windowTicks = Math.ceil(windowMs / tickMs);
    this.#leastBytes = (bytesPerSecond * windowMs) / 1000;
  }

  /** @param takenBytes by the kernel, since the connection began */
  isSlow(socket: Socket, pendingBytes: number, takenBytes: number): boolean {
    if (pendingBytes === 0) {
      this.#windows.delete(socket);
      return false;
    }
    const window = this.#windows.get(socket);
    if (window !== undefined) window.ticks += 1;
    if (window !== undefined && window.ticks < this.#windowTicks) return false;
    this.#windows.set(socket, { ticks: 0, takenBytes });
    return window !== undefined && takenBytes - window.takenBytes < this.#leastBytes;
  }
}

/** Since when an answer waits, or since the last window was full. */
interface Window {
  ticks: number;
  /** At its beginning. */
  readonly takenBytes: number;
}

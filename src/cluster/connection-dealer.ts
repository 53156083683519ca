// Deals the connections of one port to the processes that take them. Each connection has one owner at every moment, and an end.

import type { Socket } from 'node:net';

/** A process as it is dealt connections. */
export interface Taker {
  /** Resolves to whether it has the connection now; false when it refused, or ended before it said so. */
  give(connection: Socket): Promise<boolean>;
}

/** A port that is listened on. */
export interface OpenPort {
  /** Those who connect from now on are refused. */
  close(): void;
}

export interface DealerOptions {
  /** Listens; called anew when a process takes connections after there was none. */
  readonly listen: (onConnection: (connection: Socket) => void) => Promise<OpenPort>;
  /** It could not listen. */
  readonly onFailure: (error: unknown) => void;
}

/** Connections that wait for a process, beyond which one more is reset. */
const MAX_WAITING = 1024;

/** A connection that was refused so often leads nowhere. */
const MAX_REFUSALS = 20;

interface Waiting {
  readonly connection: Socket;
  refusals: number;
}

interface Place {
  busy: boolean;
  silent: boolean;
}

/**
 * Connections go to the processes in turn: on a shared socket the kernel would give a process whose event loop is idle nearly all of
 * them, and ours are, whatever their workers do. A process has at most one connection on its way, so that one that stands still holds up
 * one. The port is open while there is a process to take what comes: without one a caller, or the proxy in front, is refused at once and
 * knows that nothing was done.
 */
export class ConnectionDealer {
  readonly #options: DealerOptions;
  /** In order of turn. */
  readonly #places = new Map<Taker, Place>();
  #waiting: Waiting[] = [];
  #port: OpenPort | null = null;
  #opening = false;

  constructor(options: DealerOptions) {
    this.#options = options;
  }

  /** Connections that wait for a process. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** From now on it takes connections. */
  add(taker: Taker): void {
    if (this.#places.has(taker)) return;
    this.#places.set(taker, { busy: false, silent: false });
    this.#open();
    this.#deal();
  }

  /** It takes no more. A connection on its way to it comes back by itself. */
  remove(taker: Taker): void {
    if (!this.#places.delete(taker) || this.#places.size > 0) return;
    this.#port?.close();
    this.#port = null;
    for (const { connection } of this.#waiting.splice(0)) connection.resetAndDestroy();
  }

  /** A process that does not answer gets nothing while others do; what waits for it alone waits for what becomes of it. */
  setSilent(taker: Taker, silent: boolean): void {
    const place = this.#places.get(taker);
    if (place !== undefined) place.silent = silent;
    this.#deal();
  }

  /** Listens anew where that failed, if anybody takes connections. */
  reopen(): void {
    if (this.#places.size > 0) this.#open();
  }

  #open(): void {
    if (this.#port !== null || this.#opening) return;
    this.#opening = true;
    this.#options
      .listen((connection) => this.#enter({ connection, refusals: 0 }))
      .then(
        (port) => {
          this.#opening = false;
          if (this.#places.size > 0) this.#port = port;
          else port.close();
        },
        (error: unknown) => {
          this.#opening = false;
          this.#options.onFailure(error);
        },
      );
  }

  #enter(waiting: Waiting): void {
    const hopeless = this.#places.size === 0 || this.#waiting.length >= MAX_WAITING || waiting.refusals >= MAX_REFUSALS;
    if (hopeless) return void waiting.connection.resetAndDestroy();
    this.#waiting.push(waiting);
    this.#deal();
  }

  #deal(): void {
    while (this.#waiting.length > 0) {
      const turn = [...this.#places].find(([, place]) => !place.busy && !place.silent);
      if (turn === undefined) return;
      void this.#give(...turn, this.#waiting.shift()!);
    }
  }

  async #give(taker: Taker, place: Place, waiting: Waiting): Promise<void> {
    place.busy = true;
    this.#places.delete(taker); // its turn is over
    this.#places.set(taker, place);
    const taken = await taker.give(waiting.connection);
    place.busy = false;
    if (taken)
      waiting.connection.destroy(); // this process's copy alone
    else this.#enter({ ...waiting, refusals: waiting.refusals + 1 });
    this.#deal();
  }
}

// A serving process's part in collecting accounts: gives its own when asked, and asks the primary for those of all.

import type { FromProcess, ProcessSnapshot, ToProcess } from './messages.ts';

export interface ExchangeOptions {
  readonly process: number;
  readonly send: (message: FromProcess) => void;
  /** This process's account of itself, as JSON can hold it. */
  readonly own: () => Promise<unknown>;
  /** Without an answer of the primary by then, its own account must do. */
  readonly timeoutMs?: number;
}

/** The primary waits one second for the others. */
const TIMEOUT_MS = 2000;

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #waiting = new Map<number, (snapshots: readonly ProcessSnapshot[]) => void>();
  #nextId = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  hear(message: ToProcess): void {
    if (message.kind === 'collected') this.#waiting.get(message.id)?.(message.snapshots);
    if (message.kind === 'give-snapshot') void this.#give(message.id);
  }

  /** The accounts of all processes that answer, this one's at least, and one of those that have ended (`process` null). */
  async collect(): Promise<readonly ProcessSnapshot[]> {
    const { process, send, own, timeoutMs = TIMEOUT_MS } = this.#options;
    const id = this.#nextId;
    this.#nextId += 1;
    let timer: NodeJS.Timeout | undefined;
    const collected = await new Promise<readonly ProcessSnapshot[]>((resolve) => {
      timer = setTimeout(() => resolve([]), timeoutMs);
      this.#waiting.set(id, resolve);
      send({ kind: 'collect', id });
    });
    clearTimeout(timer);
    this.#waiting.delete(id);
    return collected.some((entry) => entry.process === process) ? collected : [...collected, { process, snapshot: await own() }];
  }

  /** The last account, so that what this process counted is not lost with it. */
  sayFarewell(): Promise<void> {
    return this.#give(null);
  }

  async #give(id: number | null): Promise<void> {
    this.#options.send({ kind: 'snapshot', id, snapshot: await this.#options.own() });
  }
}

// One of the N places of a service: it holds a process, replaces the one that ends, and renews it without a gap.

import { RerankError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Backoff } from './backoff.ts';
import { describeExit, type Facts, type Member } from './member.ts';
import type { StartOrder } from './messages.ts';

export interface SlotOptions {
  readonly process: number;
  readonly begin: (process: number, listen: StartOrder['listen']) => Member;
  readonly logger: Logger;
  /** Aborted when the service ends: nothing is started from then on. */
  readonly closing: AbortSignal;
  /** Resolves after that long, or when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** What a retiring process may take. */
  readonly retireMs: number;
  /** The configuration has become wrong: another attempt would end in the same way. */
  readonly onLost: (error: RerankError) => void;
  /** A process ended that nobody had told to. */
  readonly onDeath: (member: Member) => void;
}

export class Slot {
  readonly #options: SlotOptions;
  readonly #backoff = new Backoff();
  #member: Member | null = null;
  #lost = false;
  /** Starts are one at a time: a replacement and a renewal must not both fill the place. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** No process, and none will come before a renewal. */
  get isLost(): boolean {
    return this.#lost;
  }

  /** The first start of all. @throws RerankError the process's cause */
  start(listen: StartOrder['listen']): Promise<Facts> {
    return this.#inTurn(async () => {
      const member = await this.#begin(listen);
      this.#adopt(member);
      return member.ready;
    });
  }

  /**
   * Starts a process, waits until it is ready, retires the one before and waits for its end.
   *
   * @throws RerankError when the new process cannot start; the one before goes on
   */
  async renew(): Promise<void> {
    const before = await this.#inTurn(async () => {
      const fresh = await this.#begin('when-ready');
      const old = this.#member;
      this.#adopt(fresh);
      return old;
    });
    if (before === null) return;
    before.retire(this.#options.retireMs);
    const exit = await before.ended;
    if (exit.code !== 0) this.#options.logger.warn(`a retiring process ${describeExit(exit)}`, { process: before.process });
  }

  /** @throws RerankError when the process does not become ready */
  async #begin(listen: StartOrder['listen']): Promise<Member> {
    const fresh = this.#options.begin(this.#options.process, listen);
    try {
      await fresh.ready;
      return fresh;
    } catch (error) {
      fresh.shutdown('it could not start', 'prompt', 0); // it ends by itself, unless it hangs
      throw error;
    }
  }

  #adopt(member: Member): void {
    const { logger, onDeath } = this.#options;
    logger.info('process ready', { process: member.process, pid: member.pid });
    this.#member = member;
    this.#lost = false;
    void member.ended.then((exit) => {
      if (member !== this.#member || this.#options.closing.aborted) return; // retired, or everything ends
      this.#member = null;
      onDeath(member);
      logger.error(`a process ${describeExit(exit)}; another takes its place`, { process: member.process, pid: member.pid });
      void this.#replace(member.servedMs);
    });
  }

  async #replace(servedMs: number): Promise<void> {
    const { closing, wait, logger, process } = this.#options;
    for (let served = servedMs; ; served = 0) {
      const delayMs = this.#backoff.next(served);
      if (delayMs > 0) logger.debug('waiting before the next start', { process, delay_ms: delayMs });
      await wait(delayMs, closing);
      const filled = await this.#inTurn(() => this.#refill());
      if (filled) return;
    }
  }

  /** Whether the place needs no further attempt. */
  async #refill(): Promise<boolean> {
    const { closing, logger, process, onLost } = this.#options;
    if (closing.aborted || this.#member !== null) return true;
    try {
      this.#adopt(await this.#begin('when-ready'));
      return true;
    } catch (error) {
      if (closing.aborted) return true;
      logger.error('a process cannot be replaced', { process, error });
      this.#lost = error instanceof RerankError && error.code === 'config';
      if (this.#lost) onLost(error as RerankError);
      return this.#lost;
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => {});
    return done;
  }
}

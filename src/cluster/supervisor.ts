// The primary's part of a service of several processes: starts them, replaces them, renews them, ends them. It loads no model and serves nobody.

import type { RerankError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Collector, type FoldEnded } from './collector.ts';
import type { ConnectionDealer } from './connection-dealer.ts';
import { deferred } from './deferred.ts';
import { type Exit, type Facts, type Fork, Member } from './member.ts';
import type { FromProcess, PortName, ProcessSnapshot, ShutdownManner, StartOrder } from './messages.ts';
import { Pulse } from './pulse.ts';
import { Slot, type SlotOptions } from './slot.ts';

export interface SupervisorOptions {
  readonly processes: number;
  readonly fork: Fork;
  /** What each process is told at its start. */
  readonly order: Pick<StartOrder, 'flags' | 'model' | 'port' | 'metricsPort'>;
  /** Of every port; the processes say which they take connections of. */
  readonly dealers: Readonly<Record<PortName, ConnectionDealer>>;
  /** Looks (see {@link Supervisor.look}) after which a process that does not answer, or is not ready, is replaced. */
  readonly patience: number;
  readonly logger: Logger;
  /** The most a process takes to drain, and to retire, by its own configuration. */
  readonly drainMs: number;
  readonly retireMs: number;
  readonly wait: SlotOptions['wait'];
  /** Milliseconds that only grow. */
  readonly clock: () => number;
  readonly foldEnded?: FoldEnded;
  /** The primary's own account of itself, by the reasons for which processes were replaced. */
  readonly account?: (replaced: Readonly<Record<Replaced, number>>) => unknown;
}

/** Why a process was replaced: it ended by itself, it did not answer, it was not ready for long. */
export type Replaced = 'ended' | 'silent' | 'not_ready';

export class Supervisor {
  /** Resolves when the service was told to end and every process has ended; rejects when it can serve no more. */
  readonly ended: Promise<void>;
  readonly #end = deferred<void>();
  readonly #options: SupervisorOptions;
  readonly #slots: readonly Slot[];
  readonly #live = new Set<Member>();
  readonly #closing = new AbortController();
  readonly #collector: Collector;
  #state: 'starting' | 'serving' | 'restarting' | 'restarting-again' = 'starting';
  readonly #replaced: Record<Replaced, number> = { ended: 0, silent: 0, not_ready: 0 };
  /** Killed because they did not answer. */
  readonly #hung = new WeakSet<Member>();
  #unclean = 0;
  #stopped: Promise<void> | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.ended = this.#end.promise;
    this.ended.catch(() => {}); // the owner looks at it later
    const { account } = options;
    const own = account && (() => account(this.#replaced));
    this.#collector = new Collector({ members: () => this.#live, foldEnded: options.foldEnded, own });
    const { logger, wait, retireMs } = options;
    const onLost = (error: RerankError) => this.#onLost(error);
    const onDeath = (member: Member) => {
      this.#replaced[this.#hung.has(member) ? 'silent' : 'ended'] += 1;
    };
    const shared = { begin: this.#begin, logger, wait, retireMs, closing: this.#closing.signal, onLost, onDeath };
    this.#slots = Array.from({ length: options.processes }, (_, process) => new Slot({ process, ...shared }));
  }

  /** Processes that were replaced so far. */
  get replaced(): Readonly<Record<Replaced, number>> {
    return this.#replaced;
  }

  get isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Processes that did not end with 0 although they were told to end. */
  get unclean(): number {
    return this.#unclean;
  }

  /**
   * The first process alone, so that a packed copy is made once; then the others together. Resolves with the facts of the first when all are ready.
   *
   * @returns null when the service was told to end meanwhile; it has ended then
   * @throws RerankError the cause of the first that cannot start; no process is left then
   */
  async start(): Promise<Facts | null> {
    const [first, ...others] = this.#slots as [Slot, ...Slot[]];
    try {
      const facts = await first.start('at-once');
      await Promise.all(others.map((slot) => this.isClosing || slot.start('when-ready')));
      this.#state = 'serving';
      return facts;
    } catch (error) {
      if (this.#stopped !== null) return this.#stopped.then(() => null);
      await this.shutdown('a process could not start', 'prompt');
      throw error;
    }
  }

  /** Asks every process whether it lives, and acts on what it said before. Called every second. */
  look(): void {
    for (const member of this.#live) if (member.isReady && !member.isLeaving) this.#lookAt(member);
  }

  #lookAt(member: Member): void {
    const { logger } = this.#options;
    const who = { process: member.process, pid: member.pid };
    const verdict = member.pulse.look();
    if (verdict === 'ask') member.send({ kind: 'ping' });
    if (verdict === 'silent') {
      logger.warn('a process does not answer; it gets no connections', who);
      this.#setSilent(member, true);
    }
    if (verdict === 'hung') this.#endHung(member, who);
    if (verdict === 'unfit') {
      logger.error('a process is not ready for long; another takes its place', who);
      this.#replaced.not_ready += 1;
      const slot = this.#slots[member.process];
      slot?.renew().catch((error: unknown) => logger.error('a process cannot be renewed', { ...who, error }));
    }
  }

  #endHung(member: Member, who: Readonly<Record<string, unknown>>): void {
    this.#options.logger.error('a process has not answered for long; it is killed', who);
    this.#hung.add(member);
    member.kill();
  }

  #setSilent(member: Member, silent: boolean): void {
    for (const port of ['api', 'metrics'] as const) this.#options.dealers[port].setSilent(member.takers[port], silent);
  }

  /** Renews the processes one by one. Asked again while that goes on, it does so once more afterwards. */
  restart(): void {
    const { logger } = this.#options;
    if (this.isClosing) return;
    if (this.#state === 'starting') {
      logger.warn('no restart: the service is still starting');
    } else if (this.#state === 'serving') {
      void this.#renewAll();
    } else {
      this.#state = 'restarting-again';
      logger.info('another restart will follow this one');
    }
  }

  /** Called again, the processes stop waiting for accepted work. Resolves when all have ended. */
  async shutdown(reason: string, manner: ShutdownManner): Promise<void> {
    this.#options.logger.info(this.isClosing ? 'shutting down without waiting' : 'shutting down', { reason });
    const limitMs = this.isClosing ? 0 : this.#options.drainMs;
    this.#closing.abort();
    for (const member of this.#live) member.shutdown(reason, manner, limitMs);
    this.#stopped ??= this.#allEnded();
    return this.#stopped;
  }

  async #allEnded(): Promise<void> {
    await Promise.all([...this.#live].map((member) => member.ended));
    this.#options.logger.info('stopped');
    this.#end.resolve();
  }

  /** What every process says of itself. */
  collect(): Promise<readonly ProcessSnapshot[]> {
    return this.#collector.collect();
  }

  readonly #begin: SlotOptions['begin'] = (process, listen) => {
    const { fork, clock, order } = this.#options;
    const member: Member = new Member({
      fork,
      clock,
      order: { kind: 'start', process, listen, ...order },
      pulse: new Pulse(this.#options.patience),
      onMessage: (message) => this.#hear(member, message),
    });
    this.#live.add(member);
    void member.ended.then((exit) => this.#onEnd(member, exit));
    return member;
  };

  #hear(member: Member, message: FromProcess): void {
    const { dealers } = this.#options;
    switch (message.kind) {
      case 'accepting': {
        const taker = member.takers[message.port];
        if (message.on) dealers[message.port].add(taker);
        else dealers[message.port].remove(taker);
        return;
      }
      case 'pong':
        this.#setSilent(member, false);
        return;
      case 'listening':
        if (this.#state === 'starting' && member.process === 0)
          this.#options.logger.info('listening; the model is being loaded', { url: message.url });
        return;
      case 'collect':
        void this.collect().then((snapshots) => member.send({ kind: 'collected', id: message.id, snapshots: [...snapshots] }));
        return;
      case 'snapshot':
        this.#collector.take(member, message.id, message.snapshot);
    }
  }

  #onEnd(member: Member, exit: Exit): void {
    this.#live.delete(member);
    for (const port of ['api', 'metrics'] as const) this.#options.dealers[port].remove(member.takers[port]);
    this.#collector.settle(member);
    if (this.isClosing && exit.code !== 0) this.#unclean += 1;
  }

  async #renewAll(): Promise<void> {
    const { logger } = this.#options;
    do {
      this.#state = 'restarting';
      logger.info('restarting the processes one by one');
      try {
        for (const slot of this.#slots) if (!this.isClosing) await slot.renew();
        if (!this.isClosing) logger.info('all processes are restarted');
      } catch (error) {
        if (!this.isClosing) logger.error('the restart is given up; the processes that were serving go on', { error });
      }
    } while (this.#restartAgain());
    this.#state = 'serving';
  }

  #restartAgain(): boolean {
    return this.#state === 'restarting-again' && !this.isClosing;
  }

  #onLost(error: RerankError): void {
    if (!this.#slots.every((slot) => slot.isLost)) return;
    this.#end.reject(error);
  }
}

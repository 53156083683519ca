// One serving process as the primary sees it: from its start to its end. Knows no other process.

import type { Socket } from 'node:net';
import { type ErrorCode, RerankError } from '../errors.ts';
import type { Taker } from './connection-dealer.ts';
import { deferred } from './deferred.ts';
import type { FromProcess, PortName, ShutdownManner, StartOrder, ToProcess } from './messages.ts';
import type { Pulse } from './pulse.ts';

/** How a process ended; both null when it could not even be started. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A forked process; production's is in process-line.ts. */
export interface Forked {
  /** undefined when it could not be started. */
  readonly pid: number | undefined;
  /** A process that is gone hears nothing; that is no error. */
  send(message: ToProcess, connection?: Socket): void;
  kill(signal: NodeJS.Signals): void;
}

export interface ForkEvents {
  readonly onMessage: (message: FromProcess) => void;
  /** Called once. */
  readonly onExit: (exit: Exit) => void;
}

export type Fork = (events: ForkEvents) => Forked;

export interface MemberOptions {
  readonly fork: Fork;
  readonly order: StartOrder;
  readonly pulse: Pulse;
  /** Milliseconds that only grow. */
  readonly clock: () => number;
  /** Everything the process says. */
  readonly onMessage: (message: FromProcess) => void;
}

export type Facts = Readonly<Record<string, unknown>>;

/** Time a process has beyond what it was given: the runs of its workers must end. One that hangs ends itself before, if it can. */
const HUNG_MS = 15_000;

export class Member {
  /** Number of the process. */
  readonly process: number;
  /** The facts of its `ready`; rejects with what the process says of its failure, or with its exit when it says nothing. */
  readonly ready: Promise<Facts>;
  readonly ended: Promise<Exit>;
  readonly pulse: Pulse;
  /** What deals connections of a port knows it by this. */
  readonly takers: Readonly<Record<PortName, Taker>> = { api: this.#takerOf('api'), metrics: this.#takerOf('metrics') };
  readonly #forked: Forked;
  readonly #clock: () => number;
  #readyAtMs: number | null = null;
  #exit: Exit | null = null;
  #isLeaving = false;
  /** The connections sent and not yet taken, in the order they were sent. */
  readonly #given: ((taken: boolean) => void)[] = [];
  #killer: NodeJS.Timeout | undefined;

  constructor({ fork, order, pulse, clock, onMessage }: MemberOptions) {
    this.process = order.process;
    this.#clock = clock;
    this.pulse = pulse;
    const ready = deferred<Facts>();
    const ended = deferred<Exit>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    this.ready.catch(() => {}); // its end tells, too
    this.#forked = fork({
      onMessage: (message) => {
        if (message.kind === 'ready') this.#readyAtMs = clock();
        if (message.kind === 'ready') ready.resolve(message.facts);
        if (message.kind === 'taken') this.#given.shift()?.(message.taken);
        if (message.kind === 'pong') pulse.hear(message.fit);
        if (message.kind === 'failed') ready.reject(new RerankError(message.code as ErrorCode, message.message));
        onMessage(message);
      },
      onExit: (exit) => {
        clearTimeout(this.#killer);
        this.#exit = exit;
        for (const back of this.#given.splice(0)) back(false);
        ready.reject(new RerankError('internal', `process ${order.process} ${describeExit(exit)} before it was ready`));
        ended.resolve(exit);
      },
    });
    this.#forked.send(order);
  }

  get pid(): number | undefined {
    return this.#forked.pid;
  }

  get isReady(): boolean {
    return this.#readyAtMs !== null && this.#exit === null;
  }

  /** Told to end or to retire: it has its own time for that. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  get hasEnded(): boolean {
    return this.#exit !== null;
  }

  /** Since it was ready; 0 when it never was. */
  get servedMs(): number {
    return this.#readyAtMs === null ? 0 : this.#clock() - this.#readyAtMs;
  }

  send(message: ToProcess): void {
    this.#forked.send(message);
  }

  /** @param limitMs what the process itself keeps; one that hangs is killed some time after it */
  shutdown(reason: string, manner: ShutdownManner, limitMs: number): void {
    this.#isLeaving = true;
    this.send({ kind: 'shutdown', reason, manner });
    this.#killAfter(limitMs + HUNG_MS);
  }

  /** @param limitMs as for {@link shutdown} */
  retire(limitMs: number): void {
    this.#isLeaving = true;
    this.send({ kind: 'retire' });
    this.#killAfter(limitMs + HUNG_MS);
  }

  /** It does not answer: nothing it was told would be heard. */
  kill(): void {
    this.#forked.kill('SIGKILL');
  }

  #takerOf(port: PortName): Taker {
    return {
      give: (connection) =>
        new Promise((resolve) => {
          if (this.#exit !== null) return resolve(false);
          this.#given.push(resolve);
          this.#forked.send({ kind: 'connection', port }, connection);
        }),
    };
  }

  #killAfter(ms: number): void {
    if (this.#exit !== null) return;
    clearTimeout(this.#killer);
    this.#killer = setTimeout(() => this.kill(), ms);
    this.#killer.unref(); // the process itself keeps the primary alive
  }
}

/** `was ended by SIGKILL`, `ended with 1`. */
export function describeExit({ code, signal }: Exit): string {
  if (signal !== null) return `was ended by ${signal}`;
  return code === null ? 'could not be started' : `ended with ${code}`;
}

// Asks every serving process for its account of itself, and keeps the accounts of those that have ended. What is in them, it does not know.

import type { Member } from './member.ts';
import type { ProcessSnapshot } from './messages.ts';

/** Adds the account of a process that ended to the sum of those before it; null when it is the first. */
export type FoldEnded = (sum: unknown, snapshot: unknown) => unknown;

export interface CollectorOptions {
  readonly members: () => Iterable<Member>;
  /** Without it, what ended processes counted is forgotten: sums over all processes then fall when one is replaced. */
  readonly foldEnded?: FoldEnded | undefined;
  /** A process that does not answer within this is left out. */
  readonly timeoutMs?: number;
  /** The primary's own account. */
  readonly own?: (() => unknown) | undefined;
}

const TIMEOUT_MS = 1000;

export class Collector {
  readonly #options: CollectorOptions;
  readonly #waiting = new Map<number, (snapshot: unknown) => void>();
  /** What each process said last: all there is of one that is killed. */
  readonly #last = new Map<Member, unknown>();
  #ended: unknown = null;
  #nextId = 0;
  #running: Promise<readonly ProcessSnapshot[]> | null = null;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** One entry a process that answers, and one for those that have ended. Callers at the same moment share the answers. */
  collect(): Promise<readonly ProcessSnapshot[]> {
    this.#running ??= this.#collect().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** @param id of the question, null when nobody asked */
  take(member: Member, id: number | null, snapshot: unknown): void {
    this.#last.set(member, snapshot);
    if (id !== null) this.#waiting.get(id)?.(snapshot);
  }

  /** The process has ended. */
  settle(member: Member): void {
    const { foldEnded } = this.#options;
    const snapshot = this.#last.get(member);
    this.#last.delete(member);
    if (snapshot !== undefined && foldEnded !== undefined) this.#ended = foldEnded(this.#ended, snapshot);
  }

  async #collect(): Promise<readonly ProcessSnapshot[]> {
    const asked = [...this.#options.members()].filter((member) => member.isReady);
    const answers = await Promise.all(asked.map((member) => this.#ask(member)));
    const ended = this.#ended === null ? [] : [{ process: null, snapshot: this.#ended }];
    const { own } = this.#options;
    const primary = own === undefined ? [] : [{ process: null, snapshot: own() }];
    return [...answers.filter((answer) => answer !== null), ...ended, ...primary];
  }

  async #ask(member: Member): Promise<ProcessSnapshot | null> {
    const id = this.#nextId;
    this.#nextId += 1;
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<ProcessSnapshot | null>((resolve) => {
      timer = setTimeout(() => resolve(null), this.#options.timeoutMs ?? TIMEOUT_MS);
      this.#waiting.set(id, (snapshot) => resolve({ process: member.process, snapshot }));
      void member.ended.then(() => resolve(null)); // it is in the sum of the ended then
      member.send({ kind: 'give-snapshot', id });
    });
    clearTimeout(timer);
    this.#waiting.delete(id);
    return answer;
  }
}

// The near end of a driver: a process that ranks numbered requests of a file, JSON lines in and out.

import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Ranking } from './agreement.ts';
import { Child, type Command } from './children.ts';

const factsSchema = z.object({ ready: z.literal(true), versions: z.record(z.string(), z.string()) });
const answerSchema = z.object({ seconds: z.number(), ranking: z.array(z.tuple([z.number(), z.number()])) });

/** What a driver says of itself: versions by package. */
export type Facts = z.infer<typeof factsSchema>;

/** One ranked request: the time of `rank` alone, taken inside the process. */
export interface Answer {
  readonly seconds: number;
  readonly ranking: Ranking;
}

/** A driver that has loaded its model. */
export class Driver implements AsyncDisposable {
  readonly #child: Child;
  readonly #lines: AsyncIterator<string>;
  #facts: Facts | null = null;

  private constructor(command: Command) {
    this.#child = new Child(command);
    this.#lines = createInterface({ input: this.#child.process.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts a driver and waits until it is ready. @throws Error with its error output when it ends before */
  static async start(command: Command): Promise<Driver> {
    const driver = new Driver(command);
    try {
      driver.#facts = factsSchema.parse(await driver.#line());
    } catch (error) {
      await driver[Symbol.asyncDispose]();
      throw error;
    }
    return driver;
  }

  get facts(): Facts {
    return this.#facts!;
  }

  /** Ranks the request with this number. @throws Error with the driver's error output when it ends instead */
  async rank(request: number): Promise<Answer> {
    this.#child.process.stdin!.write(`${JSON.stringify({ request })}\n`);
    return answerSchema.parse(await this.#line());
  }

  async #line(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the process ended:\n${this.#child.lastErrors}`);
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }
}

// Asks `/health` again and again over a connection of its own, and remembers the longest wait.

import { Agent, get } from 'node:http';

export class HealthWatch {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  readonly #ended: Promise<void>;
  #longestMs = 0;
  #isOver = false;

  private constructor(url: string) {
    this.#url = `${url}/health`;
    this.#ended = this.#watch();
  }

  static start(url: string): HealthWatch {
    return new HealthWatch(url);
  }

  /** @returns milliseconds of the longest answer, the one under way included */
  async stop(): Promise<number> {
    this.#isOver = true;
    await this.#ended;
    this.#agent.destroy();
    return this.#longestMs;
  }

  async #watch(): Promise<void> {
    do {
      const started = performance.now();
      await this.#ask();
      this.#longestMs = Math.max(this.#longestMs, performance.now() - started);
    } while (!this.#isOver);
  }

  #ask(): Promise<void> {
    return new Promise((resolve, reject) => {
      get(this.#url, { agent: this.#agent }, (response) => response.resume().on('end', resolve)).on('error', reject);
    });
  }
}

// Watches a server process from outside while a load runs: memory, file descriptors, threads, and how soon its event loop answers.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One look at the server; NaN where there is no /proc. */
export interface Sample {
  /** ms since 1970. */
  readonly at: number;
  readonly rss_mib: number;
  readonly threads: number;
  readonly descriptors: number;
  /** Descriptors that are sockets: its connections, and the one it listens on. */
  readonly sockets: number;
  /** A /health there and back: the event loop's delay, and ours; NaN when none came in time. */
  readonly health_ms: number;
}

const HEALTH_TIMEOUT_MS = 10_000;

export class Sampler {
  readonly samples: Sample[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  /** Begins at once. @param everyMs between the beginnings of two looks */
  constructor(pid: number, url: string, everyMs: number) {
    this.#done = this.#watch(pid, url, everyMs);
  }

  /** @returns all samples */
  async stop(): Promise<readonly Sample[]> {
    this.#stop.abort();
    await this.#done;
    this.#agent.destroy();
    return this.samples;
  }

  async #watch(pid: number, url: string, everyMs: number): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const started = performance.now();
      this.samples.push({ at: Date.now(), ...processFigures(pid), health_ms: await healthMs(url, this.#agent) });
      await sleep(Math.max(0, everyMs - (performance.now() - started)), undefined, { signal }).catch(() => {});
    }
  }
}

function processFigures(pid: number): Omit<Sample, 'at' | 'health_ms'> {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
    const names = readdirSync(`/proc/${pid}/fd`);
    return {
      rss_mib: field('VmRSS') / 1024,
      threads: field('Threads'),
      descriptors: names.length,
      sockets: names.filter((name) => isSocket(pid, name)).length,
    };
  } catch {
    return { rss_mib: Number.NaN, threads: Number.NaN, descriptors: Number.NaN, sockets: Number.NaN };
  }
}

function isSocket(pid: number, name: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/${name}`).startsWith('socket:');
  } catch {
    return false; // closed meanwhile
  }
}

function healthMs(url: string, agent: Agent): Promise<number> {
  const started = performance.now();
  return new Promise((resolve) => {
    const asked = get(`${url}/health`, { agent, timeout: HEALTH_TIMEOUT_MS }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode === 200 ? performance.now() - started : Number.NaN));
      answer.once('error', () => resolve(Number.NaN));
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(Number.NaN));
  });
}

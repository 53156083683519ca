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
  /** Used heap of the main thread, and the 99th percentile of its event-loop delay since the last look; NaN without /metrics. */
  readonly heap_mib: number;
  readonly loop_p99_ms: number;
}

const ASK_TIMEOUT_MS = 10_000;

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
      const figures = { at: Date.now(), ...processFigures(pid), health_ms: await healthMs(url, this.#agent) };
      this.samples.push({ ...figures, ...(await metricsFigures(url, this.#agent)) });
      await sleep(Math.max(0, everyMs - (performance.now() - started)), undefined, { signal }).catch(() => {});
    }
  }
}

function processFigures(pid: number): Pick<Sample, 'rss_mib' | 'threads' | 'descriptors' | 'sockets'> {
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

async function healthMs(url: string, agent: Agent): Promise<number> {
  const started = performance.now();
  return (await textOf(`${url}/health`, agent)) === null ? Number.NaN : performance.now() - started;
}

async function metricsFigures(url: string, agent: Agent): Promise<Pick<Sample, 'heap_mib' | 'loop_p99_ms'>> {
  const text = (await textOf(`${url}/metrics`, agent)) ?? '';
  const value = (series: string): number => Number(new RegExp(`^${series} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return {
    heap_mib: value('nodejs_heap_size_used_bytes') / 2 ** 20,
    loop_p99_ms: value('nodejs_eventloop_lag_p99_seconds') * 1000,
  };
}

/** null without an answer of 200 in time. */
function textOf(url: string, agent: Agent): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = get(url, { agent, timeout: ASK_TIMEOUT_MS }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('end', () => resolve(answer.statusCode === 200 ? Buffer.concat(chunks).toString() : null));
      answer.once('error', () => resolve(null));
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(null));
  });
}

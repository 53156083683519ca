// The real server as a child process: started as users start it, stopped by SIGTERM, its exit code checked.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { COPIES, MAIN } from '../paths.ts';

const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 5;

export interface ServerOptions {
  readonly directory: string;
  readonly workers: number;
  /** Further flags of `crossrank serve`. */
  readonly flags?: readonly string[];
  readonly nodeFlags?: readonly string[];
  /** Keeps the server's own bounds of work and time; otherwise nothing is refused for being too much. */
  readonly bounded?: boolean;
  /** Another entry with the same flags and log lines; the command line by default. */
  readonly entry?: string;
}

export class ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** From spawn to the first 200 of /ready. */
  readonly readyMs: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<[number | null, NodeJS.Signals | null]>;
  readonly #home: string;

  private constructor(child: ChildProcess, home: string, url: string, readyMs: number) {
    this.#child = child;
    this.#home = home;
    this.#exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    this.pid = child.pid!;
    this.url = url;
    this.readyMs = readyMs;
  }

  /** @throws Error with the log when it is not ready in time */
  static async start(options: ServerOptions): Promise<ServerProcess> {
    const { directory, workers, flags = [], nodeFlags = [], entry = MAIN, bounded = false } = options;
    const home = mkdtempSync(join(tmpdir(), 'crossrank-bench-'));
    const log = openSync(join(home, 'log'), 'w');
    const args = [
      ...nodeFlags,
      entry,
      'serve',
      '--model-id',
      directory,
      '--port',
      '0',
      '--workers',
      String(workers),
      ...LOGGING,
      ...(bounded ? [] : UNBOUNDED),
      '--cache-dir',
      COPIES,
      ...flags,
    ];
    const started = performance.now();
    // Its own log is a file: a pipe would make the load generator read it.
    const child = spawn(process.execPath, args, { stdio: ['ignore', log, log], env: { PATH: process.env['PATH'] } });
    closeSync(log);
    endWithUs(child);
    try {
      const url = await readyUrl(child, join(home, 'log'), started);
      return new ServerProcess(child, home, url, performance.now() - started);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Resident memory in MiB; NaN where there is no /proc. */
  residentMebibytes(): number {
    return this.#mebibytes(/^VmRSS:\s+(\d+)/m);
  }

  /** Highest {@link residentMebibytes} since the start. */
  peakMebibytes(): number {
    return this.#mebibytes(/^VmHWM:\s+(\d+)/m);
  }

  #mebibytes(field: RegExp): number {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      return Number(field.exec(status)?.[1] ?? Number.NaN) / 1024;
    } catch {
      return Number.NaN;
    }
  }

  /** User and system time of all its threads, in seconds; NaN where there is no /proc. */
  cpuSeconds(): number {
    try {
      const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
    } catch {
      return Number.NaN;
    }
  }

  /** @throws Error when it does not end with code 0 */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const [code, signal] = await this.#exited;
    const log = readFileSync(join(this.#home, 'log'), 'utf8');
    rmSync(this.#home, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the server ended with ${code ?? signal}:\n${log.slice(-2000)}`);
  }
}

const children = new Set<ChildProcess>();

/** A bench that is interrupted must not leave a server behind. */
function endWithUs(child: ChildProcess): void {
  if (children.size === 0) for (const signal of INTERRUPTS) process.once(signal, endAll);
  children.add(child);
  child.once('exit', () => {
    children.delete(child);
    if (children.size === 0) for (const signal of INTERRUPTS) process.off(signal, endAll);
  });
}

const INTERRUPTS = ['SIGINT', 'SIGTERM'] as const;

/** The handler is gone by then, so the signal ends us the second time. */
function endAll(signal: NodeJS.Signals): void {
  for (const child of children) child.kill('SIGKILL');
  for (const each of INTERRUPTS) process.off(each, endAll);
  process.kill(process.pid, signal);
}

/** Saturation is wanted here, so nothing is refused for being too much. */
const UNBOUNDED = ['--max-queue-seconds', '3600', '--request-timeout', '3600'];

const LOGGING = ['--log-level', 'info', '--json-output', 'on'];

/** USER_HZ of Linux. */
const CLOCK_TICKS = 100;

/** The URL is in the log line `listening` or `ready`; /ready says when it may be used. */
async function readyUrl(child: ChildProcess, log: string, started: number): Promise<string> {
  while (performance.now() - started < READY_TIMEOUT_MS && child.exitCode === null && child.signalCode === null) {
    const url = /"url":"(http[^"]+)"/.exec(readFileSync(log, 'utf8'))?.[1];
    if (url !== undefined && (await isReady(url))) return url;
    await sleep(POLL_MS);
  }
  throw new Error(`the server is not ready:\n${readFileSync(log, 'utf8').slice(-2000)}`);
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/ready`);
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

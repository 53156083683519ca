// Processes of a benchmark. Each leads a process group of its own, because some (uvicorn) start workers, and none outlives us.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { COPIES } from '../paths.ts';

const GRACE_MS = 10_000;
const ERROR_CHARACTERS = 2000;

/** How to start a process. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const running = new Set<Child>();

process.on('exit', () => {
  for (const child of running) killGroup(child.process, 'SIGKILL');
});
for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) process.on(signal, () => process.exit(code));

/** A process with its last error output at hand. */
export class Child implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #closed: Promise<unknown>;
  #errors = '';

  constructor({ file, args, environment = {} }: Command) {
    const env = { ...process.env, CROSSRANK_CACHE_DIR: COPIES, HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1', ...environment };
    this.process = spawn(file, args, { env, detached: process.platform !== 'win32', stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this);
    this.#closed = once(this.process, 'close').catch(() => {}); // an 'error' (no such file) ends it as well
    void this.#closed.then(() => running.delete(this));
    this.process.stdin?.on('error', () => {}); // a process that ends early leaves its input unread
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-ERROR_CHARACTERS);
    });
  }

  /** Whether the process has come to its end. */
  get ended(): boolean {
    return !running.has(this);
  }

  /** The end of what it wrote to standard error. */
  get lastErrors(): string {
    return this.#errors.trim();
  }

  /** Asks the group to end, then makes it. Resolves when the process is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended) return;
    this.process.stdin?.end();
    killGroup(this.process, 'SIGTERM');
    const timer = setTimeout(() => killGroup(this.process, 'SIGKILL'), GRACE_MS);
    await this.#closed;
    clearTimeout(timer);
  }
}

/** Ends whatever still runs, so that a failed benchmark does not wait for its own servers. */
export async function endChildren(): Promise<void> {
  await Promise.all([...running].map((child) => child[Symbol.asyncDispose]()));
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // gone already
  }
}

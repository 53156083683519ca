// Runs the command line as users do: a process of its own, its log lines and its exit.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { repoRoot } from '../helpers/paths.ts';

const MAIN = join(repoRoot, 'dist/src/main.js');

/** Prepared copies of tests stay out of the user's cache. */
export const TEST_CACHE = process.env.CROSSRANK_CACHE_DIR ?? join(repoRoot, 'build/test-cache');

export interface Finished {
  readonly code: number | null;
  /** Set when a signal ended the process, an abort included. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CrossrankOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Flags of node itself. */
  readonly nodeFlags?: readonly string[];
  /** Leaves standard input open for the test to write to; otherwise it is empty. */
  readonly stdin?: boolean;
}

/** A process under test; killed when the test ends, whatever happened. */
export class Crossrank {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  #stdout = '';
  #stderr = '';
  /** How much of stderr is in `#entries`: a server under load logs megabytes, and is looked at every few milliseconds. */
  #parsedChars = 0;
  readonly #entries: Record<string, unknown>[] = [];

  constructor(test: TestContext, args: readonly string[], { environment, nodeFlags = [], stdin = false }: CrossrankOptions = {}) {
    const env = { PATH: process.env.PATH, CROSSRANK_CACHE_DIR: TEST_CACHE, ...environment };
    const stdio = [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] as const;
    this.child = spawn(process.execPath, [...nodeFlags, MAIN, ...args], { env, stdio: [...stdio] });
    this.child.stdin?.on('error', () => {}); // a process that ends early leaves its input unread
    this.child.stdout?.on('data', (chunk) => {
      this.#stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    this.finished = once(this.child, 'close').then(([code, signal]) => ({
      code,
      signal,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
    test.after(() => this.child.kill('SIGKILL'));
  }

  /** The `count`-th log line with this message. @throws Error with all output when the process ends or 30 s pass before it comes */
  async logLine(message: string, count = 1): Promise<Record<string, unknown>> {
    const giveUpMs = performance.now() + 30_000;
    while (performance.now() < giveUpMs && this.child.exitCode === null && this.child.signalCode === null) {
      const line = this.logLines(message)[count - 1];
      if (line !== undefined) return line;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`no log line '${message}' in:\n${this.#stderr}`);
  }

  /** Those with this message so far. */
  logLines(message: string): readonly Record<string, unknown>[] {
    const end = this.#stderr.lastIndexOf('\n') + 1;
    const fresh = this.#stderr.slice(this.#parsedChars, end).split('\n');
    this.#parsedChars = Math.max(end, this.#parsedChars);
    this.#entries.push(...fresh.filter((line) => line.startsWith('{') && line.endsWith('}')).map((line) => JSON.parse(line)));
    return this.#entries.filter((entry) => entry.message === message);
  }
}

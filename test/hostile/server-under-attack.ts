// A real server that is attacked while another client keeps using it. What every hostile case asserts stands here once.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Crossrank, type CrossrankOptions } from '../e2e/process.ts';
import { repoRoot } from '../helpers/paths.ts';

const MODEL = join(repoRoot, 'models/crossrank-mini');

/** No answer within this is no answer: the cases below stopped servers for minutes. */
const PATIENCE_MS = 10_000;

const SMALL = { query: 'what is a panda', documents: ['the giant panda is a bear', 'paris is in france'] };

/** What came back, with its body as text. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface ServerOptions extends CrossrankOptions {
  readonly modelDirectory?: string;
}

/** One process of `crossrank serve`, one worker, defaults otherwise. */
export class ServerUnderAttack {
  readonly process: Crossrank;
  readonly url: string;
  #scores = '';

  private constructor(process: Crossrank, url: string) {
    this.process = process;
    this.url = url;
  }

  /** Starts a server that is ready, and remembers what it answers to a small request. */
  static async start(test: TestContext, flags: readonly string[] = [], options: ServerOptions = {}): Promise<ServerUnderAttack> {
    const { modelDirectory = MODEL, ...rest } = options;
    const args = ['serve', '--model-id', modelDirectory, '--port', '0', '--workers', '1', ...flags];
    const process = new Crossrank(test, args, rest);
    const { url } = await process.logLine('ready');
    const server = new ServerUnderAttack(process, String(url));
    server.#scores = await server.#smallScores();
    return server;
  }

  /** POSTs a value as JSON, or bytes as they are. */
  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    const isBytes = body instanceof Uint8Array;
    const sent = { 'content-type': 'application/json', ...headers };
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: sent,
      body: isBytes ? Buffer.from(body) : JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** As {@link post}, of a JSON text. */
  postText(path: string, json: string): Promise<Answered> {
    return this.post(path, Buffer.from(json));
  }

  /** As {@link post}, compressed: what costs the attacker kilobytes, and is refused where it is no text that anybody would send. */
  postGzipped(path: string, json: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answered> {
    return this.post(path, gzipSync(json), { 'content-encoding': 'gzip', ...headers });
  }

  /**
   * Runs the attack. All the while another client asks `/health` and for a small ranking, one after the other, and each must be
   * answered as if nothing happened; afterwards, too.
   */
  async endure<Result>(attack: () => Promise<Result>): Promise<Result> {
    let isOver = false;
    const attacked = attack().finally(() => {
      isOver = true;
    });
    attacked.catch(() => {}); // awaited below
    do await this.#useAsOthersDo();
    while (!isOver);
    const result = await attacked;
    await this.#useAsOthersDo();
    assert.equal(this.process.child.exitCode, null, 'the server is still there');
    return result;
  }

  /** Highest resident memory since the start, bytes. Linux only. */
  peakBytes(): number {
    return this.#memory('VmHWM');
  }

  /** Resident memory now, bytes. Linux only. */
  residentBytes(): number {
    return this.#memory('VmRSS');
  }

  #memory(field: string): number {
    const status = readFileSync(`/proc/${this.process.child.pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  }

  async #useAsOthersDo(): Promise<void> {
    const health = await fetch(`${this.url}/health`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    assert.equal(health.status, 200);
    await health.text();
    assert.equal(await this.#smallScores(), this.#scores, 'a small request of another client gets its scores');
  }

  async #smallScores(): Promise<string> {
    const response = await fetch(`${this.url}/rank`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(SMALL),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.stringify((JSON.parse(text) as { results: unknown }).results);
  }
}

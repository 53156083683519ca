// Serving processes that do what a test says: a fork for the supervisor, without processes.

import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { ConnectionDealer } from '../../src/cluster/connection-dealer.ts';
import type { Exit, Fork, ForkEvents } from '../../src/cluster/member.ts';
import type { FromProcess, StartOrder, ToProcess } from '../../src/cluster/messages.ts';
import { Supervisor, type SupervisorOptions } from '../../src/cluster/supervisor.ts';
import { createLogger } from '../../src/logger.ts';

export class ScriptedProcess {
  readonly pid: number;
  readonly heard: ToProcess[] = [];
  killed = false;
  /** Connections sent to it. */
  readonly given: Socket[] = [];
  over = false;
  readonly #events: ForkEvents;

  constructor(pid: number, events: ForkEvents) {
    this.pid = pid;
    this.#events = events;
  }

  get order(): StartOrder {
    return this.heard[0] as StartOrder;
  }

  /** Kinds of what it heard after its order. */
  get told(): readonly string[] {
    return this.heard.slice(1).map(({ kind }) => kind);
  }

  say(message: FromProcess): void {
    this.#events.onMessage(message);
  }

  ready(): void {
    this.say({ kind: 'ready', facts: { url: 'http://x' } });
  }

  end(exit: Partial<Exit> = { code: 0 }): void {
    this.over = true;
    this.#events.onExit({ code: null, signal: null, ...exit });
  }
}

export interface Scripted {
  readonly supervisor: Supervisor;
  /** Somebody connects to the port of the API. */
  readonly connect: (connection: Socket) => void;
  /** In the order of their start. */
  readonly processes: ScriptedProcess[];
  /** Waits before starts, in milliseconds; they pass at once. */
  readonly waits: number[];
  readonly log: string[];
  nowMs: number;
}

export function scripted(processes: number, options: Partial<SupervisorOptions> = {}): Scripted {
  const log: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      log.push(JSON.parse(String(chunk)).message);
      done();
    },
  });
  const started: ScriptedProcess[] = [];
  const fork: Fork = (events) => {
    const process = new ScriptedProcess(started.length + 1, events);
    started.push(process);
    return {
      pid: process.pid,
      send: (message, connection) => {
        process.heard.push(message);
        if (connection !== undefined) process.given.push(connection);
      },
      kill: () => {
        process.killed = true;
      },
    };
  };
  let connect: (connection: Socket) => void = () => {};
  const dealer = (isApi: boolean): ConnectionDealer =>
    new ConnectionDealer({
      listen: async (onConnection) => {
        if (isApi) connect = onConnection;
        return { close: () => {} };
      },
      onFailure: () => {},
    });
  const dealers = { api: dealer(true), metrics: dealer(false) };
  const waits: number[] = [];
  const state = { nowMs: 0 };
  const supervisor = new Supervisor({
    processes,
    fork,
    order: { flags: {}, model: { directory: '/model', onnxFile: null }, port: 8800, metricsPort: null },
    dealers,
    patience: 30,
    logger: createLogger({ level: 'debug', json: true, colour: false, stream }),
    drainMs: 1000,
    retireMs: 1000,
    wait: async (ms) => void waits.push(ms),
    clock: () => state.nowMs,
    ...options,
  });
  return {
    supervisor,
    connect: (connection) => connect(connection),
    processes: started,
    waits,
    log,
    get nowMs() {
      return state.nowMs;
    },
    set nowMs(value) {
      state.nowMs = value;
    },
  };
}

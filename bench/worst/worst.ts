// Part: what the worst single requests cost a server of one worker with its defaults: time on the event loop, CPU time, memory.

import { ServerProcess } from '../http/server-process.ts';
import { embedded } from '../models/bench-models.ts';
import { atMost, type BenchContext, type PartResult, type Wanted } from '../part.ts';
import type { Row } from '../report/table.ts';
import { significant } from '../statistics.ts';
import { WORST_CASES, type WorstCase } from './cases.ts';
import { HealthWatch } from './health-watch.ts';

export interface WorstFigures {
  readonly request: string;
  readonly path: string;
  readonly sent_bytes: number;
  /** 0 when the connection was cut without an answer. */
  readonly status: number;
  readonly answered_ms: number;
  /** Longest wait for `/health` of another client meanwhile: what the loop was kept busy, and the noise of the machine. */
  readonly health_ms: number;
  /** Of all threads until the answer. */
  readonly cpu_seconds: number;
  /** Highest resident memory over what was resident before. */
  readonly memory_mib: number;
}

/** Nobody's probe gives up within this, and every other request waits no longer. */
const MOST_HEALTH_MS = 500;
const MOST_MEMORY_MIB = 400;

export async function worst(context: BenchContext): Promise<PartResult> {
  const figures: WorstFigures[] = [];
  for (const each of WORST_CASES) {
    context.say(`worst: ${each.name}`);
    figures.push(await measure(each));
  }
  return {
    tables: [{ title: 'one request, one worker, defaults', rows: figures.map(row) }],
    wanted: figures.flatMap(wanted),
    charts: [],
    results: { figures },
  };
}

/** A fresh server each, so that memory and speed owe nothing to the request before. */
async function measure({ name, path, body }: WorstCase): Promise<WorstFigures> {
  const { bytes, isGzipped } = body();
  const server = await ServerProcess.start({ directory: embedded().directory, workers: 1, bounded: true });
  try {
    const before = { cpu: server.cpuSeconds(), memory: server.residentMebibytes() };
    const watch = HealthWatch.start(server.url);
    const started = performance.now();
    const status = await post(server.url + path, bytes, isGzipped);
    const answeredMs = performance.now() - started;
    return {
      request: name,
      path,
      sent_bytes: bytes.length,
      status,
      answered_ms: significant(answeredMs),
      health_ms: significant(await watch.stop()),
      cpu_seconds: significant(server.cpuSeconds() - before.cpu),
      memory_mib: Math.max(0, Math.round(server.peakMebibytes() - before.memory)),
    };
  } finally {
    await server.stop();
  }
}

const LONGEST_MS = 120_000;

async function post(url: string, body: Buffer, isGzipped: boolean): Promise<number> {
  const headers = { 'content-type': 'application/json', ...(isGzipped && { 'content-encoding': 'gzip' }) };
  const signal = AbortSignal.timeout(LONGEST_MS);
  try {
    const response = await fetch(url, { method: 'POST', headers, body, signal });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

function row(figures: WorstFigures): Row {
  return {
    request: figures.request,
    path: figures.path,
    'sent KB': Math.ceil(figures.sent_bytes / 1000),
    status: figures.status,
    'answered ms': figures.answered_ms,
    '/health ms': figures.health_ms,
    'CPU s': figures.cpu_seconds,
    'memory MiB': figures.memory_mib,
  };
}

function wanted({ request, health_ms, memory_mib }: WorstFigures): Wanted[] {
  return [
    atMost(`${request}: longest wait for /health, ms`, health_ms, MOST_HEALTH_MS),
    atMost(`${request}: memory, MiB`, memory_mib, MOST_MEMORY_MIB),
  ];
}

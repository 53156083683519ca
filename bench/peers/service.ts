// The service form: the same requests over HTTP to servers with the route of the service crossrank grew from.

import type { CorpusRequest } from '../corpus.ts';
import { interleave } from '../interleave.ts';
import { MAIN } from '../paths.ts';
import { median, percentile } from '../statistics.ts';
import { largestDisagreement, type Ranking } from './agreement.ts';
import { type LoadRound, runLoad } from './load.ts';
import type { BenchContext, Load } from './options.ts';
import { PEERS, PYTHON } from './places.ts';
import { medianRatio } from './ratios.ts';
import { makeCalls } from './requests.ts';
import { Server, type ServerCommand } from './server.ts';

/** Figures of one server under one load. */
export interface ServiceFigures {
  readonly peer: string;
  readonly documents_per_second: number;
  /** How many times as many documents crossrank answered; 1 for itself. */
  readonly ratio: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly requests: number;
  readonly errors: number;
  /** Documents per second of each round. */
  readonly rounds: readonly number[];
}

/** One load and everyone under it. */
export interface ServiceResult {
  readonly connections: number;
  readonly documents: number;
  readonly systems: readonly ServiceFigures[];
}

type Servers = ReadonlyMap<string, Server>;

/** The servers that can run here, ours first. */
export function servicePeers({ plan, model, torchModel }: BenchContext): (readonly [name: string, command: ServerCommand])[] {
  const crossrank = {
    file: process.execPath,
    args: [MAIN, 'serve', '--model-id', model, '--port', '0', '--json-output', 'on'],
    ready: /"message":"ready"/,
    processes: 1,
    url: /"url":"(http:[^"]+)"/,
  };
  if (torchModel === null) return [['crossrank', crossrank]];
  return [
    ['crossrank', crossrank],
    ['original, plain', original(torchModel, 1)],
    ['original, 4 workers', original(torchModel, 4)],
    // Not as anybody starts it, but without the cores shared by 4 x cores threads: what the service could give at best.
    ...(plan.quick ? [] : [['original, 4 workers of 1 thread', original(torchModel, 4, { OMP_NUM_THREADS: '1' })] as const]),
  ];
}

function original(model: string, workers: number, environment: Readonly<Record<string, string>> = {}): ServerCommand {
  const address = ['--host', '127.0.0.1', '--port', '0'];
  return {
    file: PYTHON,
    args: ['-m', 'uvicorn', 'original_service:app', '--app-dir', PEERS, ...address, '--workers', String(workers)],
    environment: { ORIGINAL_MODEL: model, ...environment },
    ready: /Application startup complete/,
    processes: workers,
    url: /running on (http:\S+)/,
  };
}

/**
 * Measures every server under every load, round by round. Servers are left running when it throws: see endChildren.
 *
 * @throws Error when a server fails or answers other scores than ours
 */
export async function measureServices(context: BenchContext): Promise<ServiceResult[]> {
  const servers = await startAll(context);
  await verify(servers, makeCalls(context.model, { calls: 8, documents: 4, seed: 'peers, check' }));
  const results: ServiceResult[] = [];
  for (const load of context.plan.loads) results.push(await measureLoad(context, servers, load));
  await Promise.all([...servers.values()].map((server) => server[Symbol.asyncDispose]()));
  return results;
}

async function measureLoad({ plan, model }: BenchContext, servers: Servers, load: Load): Promise<ServiceResult> {
  const { connections, documents, requestsPerConnection } = load;
  const calls = makeCalls(model, {
    calls: connections * requestsPerConnection,
    documents,
    seed: `peers, ${documents} documents`,
  });
  const rounds = await interleave(
    Object.fromEntries([...servers].map(([name, { url }]) => [name, () => runLoad(url, load, calls)])),
    { minRounds: 1, maxRounds: plan.rounds, budgetMs: plan.loadBudgetMs },
  );
  const [ours] = Object.values(rounds);
  return { connections, documents, systems: Object.entries(rounds).map(([name, each]) => figures(name, each, ours!)) };
}

async function startAll(context: BenchContext): Promise<Servers> {
  const peers = servicePeers(context);
  return new Map(await Promise.all(peers.map(async ([name, command]) => [name, await Server.start(command)] as const)));
}

/** All calls at once, so that every worker process has had some: that warms them up, too. */
async function verify(servers: Servers, calls: readonly CorpusRequest[]): Promise<void> {
  let expected: readonly Ranking[] | null = null;
  for (const [name, { url }] of servers) {
    const rankings = await Promise.all(calls.map((call) => rankOver(url, call)));
    expected ??= rankings;
    largestDisagreement(name, expected, rankings);
  }
}

async function rankOver(url: string, call: CorpusRequest): Promise<Ranking> {
  const response = await fetch(`${url}/rank_documents/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(call),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  const body = (await response.json()) as { ranked_documents: { corpus_id: number; score: number }[] };
  return body.ranked_documents.map(({ corpus_id, score }) => [corpus_id, score]);
}

function figures(name: string, rounds: readonly LoadRound[], ours: readonly LoadRound[]): ServiceFigures {
  const speeds = (each: readonly LoadRound[]): number[] => each.map(({ documentsPerSecond }) => documentsPerSecond);
  const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs);
  return {
    peer: name,
    documents_per_second: median(speeds(rounds)),
    ratio: medianRatio(speeds(ours), speeds(rounds)),
    p50_ms: percentile(latencies, 0.5),
    p99_ms: percentile(latencies, 0.99),
    requests: latencies.length,
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
    rounds: speeds(rounds),
  };
}

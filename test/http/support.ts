// A real server on a free port in front of a scripted service: what http tests talk to. Every answer they get is held against the
// OpenAPI document of that server.

import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { answerHooks } from '../../src/http/answer-hooks.ts';
import { createApp } from '../../src/http/app.ts';
import { BodyBudget } from '../../src/http/body-budget.ts';
import type { Dialect } from '../../src/http/dialects/dialect.ts';
import { DIALECTS } from '../../src/http/dialects/dialect-list.ts';
import type { RequestTracer } from '../../src/http/request-trace.ts';
import { type RunningServer, startServer } from '../../src/http/server.ts';
import { createLogger } from '../../src/logger.ts';
import type { ServerMetrics } from '../../src/metrics.ts';
import type { ModelSpec, ScorerStatus, SessionFacts } from '../../src/protocol.ts';
import type {
  CallContext,
  PredictRequest,
  PredictResult,
  RankRequest,
  RankResult,
  RerankService,
  TokenizeRequest,
  TokenizeResult,
} from '../../src/rerank/types.ts';
import { UNRECORDED } from '../../src/tracing.ts';
import { fakeSpec } from '../helpers/model-spec.ts';
import { readyStatus } from '../helpers/scorer-status.ts';
import { testMetrics } from '../helpers/test-metrics.ts';
import { contractOf } from './contract.ts';

const TIMING = { queueMs: 1.5, tokenizationMs: 0.25, inferenceMs: 12.0004, totalMs: 14 };

const FACTS: SessionFacts = {
  inputs: [{ name: 'input_ids', type: 'int64' }],
  output: 'logits',
  numLabels: 1,
  flatOutput: false,
  specialTokens: 3,
  runtimeVersion: '1.30.0',
  dtype: 'float32',
  packed: false,
};

/** Ranks the last document first: document i of n scores (i + 1) / n. */
export async function rankLastFirst(request: RankRequest): Promise<RankResult> {
  const total = request.documents.length;
  const results = request.documents
    .map((_, index) => ({ index, score: Math.fround((index + 1) / total), logit: index }))
    .reverse();
  return { ...callFacts(request.activation), totalTokens: total * 3, results: results.slice(0, request.topK ?? total) };
}

/** Ranks by the scores given, in the documents' order; nothing is truncated. */
export function rankByScores(scores: readonly number[], facts: Partial<RankResult> = {}): typeof rankLastFirst {
  return async (request) => {
    const results = scores.map((score, index) => ({ index, score, logit: score })).sort((a, b) => b.score - a.score);
    const kept = results.slice(0, request.topK ?? results.length);
    return { ...callFacts(request.activation), truncated: [], totalTokens: 42, results: kept, ...facts };
  };
}

/** Scores count up from 0 in steps of 0.5, pair after pair and label after label. */
export function predictCounting(numLabels: number): (request: PredictRequest) => Promise<PredictResult> {
  return async (request) => {
    const scores = Float32Array.from({ length: request.pairs.length * numLabels }, (_, index) => index / 2);
    return { ...callFacts(request.activation), totalTokens: request.pairs.length * 3, scores, logits: scores, numLabels };
  };
}

/** Every character is a token, in the frame `[`, `]` when asked for one. */
export async function tokenizeCharacters({ texts, addSpecialTokens }: TokenizeRequest): Promise<TokenizeResult> {
  return {
    timing: { ...TIMING, inferenceMs: 0 },
    texts: texts.map((text) => {
      const chars = addSpecialTokens ? ['[', ...text, ']'] : [...text];
      const isFrame = (index: number) => addSpecialTokens && (index === 0 || index === chars.length - 1);
      const starts = Int32Array.from(chars, (_, index) => (isFrame(index) ? -1 : index - (addSpecialTokens ? 1 : 0)));
      const stops = starts.map((start) => (start < 0 ? -1 : start + 1));
      return { ids: Int32Array.from(chars, (char) => char.codePointAt(0)!), starts, stops, texts: chars };
    }),
  };
}

function callFacts(activation: RankRequest['activation']) {
  return { model: 'fake', activation: activation ?? 'sigmoid', truncated: [0], chunks: null, timing: TIMING } as const;
}

export interface TestServerOptions {
  readonly rank?: (request: RankRequest, context: CallContext) => Promise<RankResult>;
  readonly predict?: (request: PredictRequest, context: CallContext) => Promise<PredictResult>;
  readonly tokenize?: (request: TokenizeRequest, context: CallContext) => Promise<TokenizeResult>;
  readonly flags?: Readonly<Record<string, string>>;
  readonly spec?: Partial<ModelSpec>;
  readonly status?: Partial<ScorerStatus>;
  readonly dialects?: readonly Dialect[];
  readonly tracer?: RequestTracer;
}

export interface TestServer {
  readonly url: string;
  readonly server: RunningServer;
  readonly metrics: ServerMetrics;
  readonly budget: BodyBudget;
  /** Requests that reached the service. */
  readonly calls: { readonly request: RankRequest | PredictRequest; readonly context: CallContext }[];
  /** Those that asked for tokens. */
  readonly tokenizeCalls: readonly { readonly request: TokenizeRequest; readonly context: CallContext }[];
  /** Log lines, parsed; debug included. */
  readonly logLines: Record<string, unknown>[];
  draining: boolean;
  /** POSTs JSON (a string goes as it is) and reads the JSON answer. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  send(path: string, init?: RequestInit): Promise<Reply>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

/** Starts the server and stops it when the test ends. Its requests reject when an answer is not as the OpenAPI document says. */
export async function startTestServer(test: TestContext, options: TestServerOptions = {}): Promise<TestServer> {
  const { config } = loadConfig({ port: '0', 'log-level': 'debug', ...options.flags }, {});
  const logLines: Record<string, unknown>[] = [];
  const calls: TestServer['calls'] = [];
  const tokenizeCalls: { readonly request: TokenizeRequest; readonly context: CallContext }[] = [];
  const state = { draining: false };
  const scorer = {
    spec: fakeSpec(options.spec),
    facts: FACTS,
    costPerSecond: () => 1000,
    status: () => ({ ...readyStatus(config.workers), ...options.status }),
  };
  const isDraining = () => state.draining;
  const metrics = testMetrics(options.dialects && { dialects: options.dialects.map(({ name }) => name) });
  metrics.watch({ scorer, isDraining });
  const logger = createLogger({ level: 'debug', json: true, colour: false, stream: lineSink(logLines) });
  const budget = new BodyBudget(config.maxInflightBytes);
  const app = createApp(
    {
      service: recordingService(options, calls, tokenizeCalls),
      scorer,
      settings: config,
      logger,
      budget,
      isDraining,
      refusesWork: isDraining,
      metrics,
      observer: metrics.requests,
      tracer: options.tracer ?? UNRECORDED.tracer,
    },
    ...(options.dialects ? [options.dialects] : []),
  );
  const server = await startServer(app, config, answerHooks(budget, logger));
  test.after(() => server.stop(0));
  const { url } = server;
  const contract = contractOf(options.dialects ?? DIALECTS, config);
  const checked = async (path: string, init?: RequestInit) => {
    const reply = await send(url + path, init);
    contract.check(init?.method ?? 'GET', new URL(url + path).pathname, reply);
    return reply;
  };
  return {
    url,
    server,
    metrics,
    budget,
    calls,
    tokenizeCalls,
    logLines,
    set draining(value: boolean) {
      state.draining = value;
    },
    get draining() {
      return state.draining;
    },
    post: (path, body, headers) => checked(path, postInit(body, headers)),
    send: checked,
  };
}

function recordingService(
  options: TestServerOptions,
  calls: TestServer['calls'],
  tokenizeCalls: { readonly request: TokenizeRequest; readonly context: CallContext }[],
): RerankService {
  const rank = options.rank ?? rankLastFirst;
  const predict = options.predict ?? predictCounting(1);
  const tokenize = options.tokenize ?? tokenizeCharacters;
  return {
    tokenize(request, context) {
      tokenizeCalls.push({ request, context });
      return tokenize(request, context);
    },
    rank(request, context) {
      calls.push({ request, context });
      return rank(request, context);
    },
    predict(request, context) {
      calls.push({ request, context });
      return predict(request, context);
    },
  };
}

function lineSink(lines: Record<string, unknown>[]): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
}

function postInit(body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: (isRaw ? body : JSON.stringify(body)) as string,
  };
}

async function send(url: string, init?: RequestInit): Promise<Reply> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true && text !== '';
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** Polls until `condition` holds. @throws Error after two seconds */
export async function eventually(condition: () => boolean, limitMs = 2000): Promise<void> {
  const giveUpMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error('condition did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

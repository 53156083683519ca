// What requests leave behind: text-embeddings-inference's counters and durations, and ours of refusals and documents.

import { ERROR_STATUS, type ErrorCode } from '../errors.ts';
import type { RequestObserver, RequestReport } from '../http/request-report.ts';
import type { CallFacts } from '../rerank/types.ts';
import { OWN_SERIES } from './own-series.ts';
import type { Labels, SeriesRegistry } from './registry.ts';
import { TE_FAILURES, TE_METHODS, TE_SERIES } from './te-series.ts';

/** Our codes in text-embeddings-inference's classes; null where it counts nothing, because the request reached no handler. */
const TE_FAILURE: Readonly<Record<ErrorCode, (typeof TE_FAILURES)[number] | null>> = {
  malformed_body: 'validation',
  empty_input: 'validation',
  unauthorized: null,
  host_not_allowed: null,
  origin_not_allowed: null,
  not_found: null,
  model_not_found: 'validation',
  method_not_allowed: null,
  payload_too_large: 'validation',
  too_many_documents: 'batch_size',
  too_costly: 'batch_size',
  unsupported_media_type: 'validation',
  validation: 'validation',
  not_a_reranker: 'model_type',
  overloaded: 'overloaded',
  cancelled: 'dropped',
  inference: 'inference',
  internal: 'inference',
  config: null,
  model_files: null,
  not_ready: 'dropped',
  draining: 'dropped',
  deadline: 'dropped',
};

/** Codes that stop a start and are in no answer. */
const NEVER_ANSWERED: ReadonlySet<string> = new Set<ErrorCode>(['config', 'model_files']);

export class RequestCounts implements RequestObserver {
  readonly #model: Labels;
  readonly #record: ReturnType<typeof register>;
  #inFlight = 0;

  /** @param dialects every name a request can be counted under */
  constructor(registry: SeriesRegistry, model: Labels, dialects: readonly string[]) {
    this.#model = model;
    this.#record = register(registry, model, dialects);
  }

  readonly started = (): void => this.#countInFlight(1);

  readonly ended = (report: RequestReport): void => {
    this.#countInFlight(-1);
    const labels = { ...this.#model, dialect: report.dialect };
    if (report.errorCode !== null) this.#record.rejected({ ...labels, reason: report.errorCode }, 1);
    if (report.route === null || report.method !== 'POST') return;
    this.#countCall(labels, report);
    if (report.errorCode === null && report.facts !== undefined) this.#countAnswer(labels, report, report.facts);
  };

  #countInFlight(change: number): void {
    this.#inFlight += change;
    this.#record.inFlight(this.#model, this.#inFlight);
  }

  #countCall(labels: Labels, { pairs, errorCode }: RequestReport): void {
    const method = pairs === 1 ? 'single' : 'batch';
    this.#record.requests({ ...labels, method }, 1);
    if (pairs !== undefined) this.#record.pairs(labels, pairs);
    const failure = errorCode === null ? null : TE_FAILURE[errorCode];
    if (errorCode === null) this.#record.successes({ ...labels, method }, 1);
    else if (failure !== null) this.#record.failures({ ...labels, err: failure }, 1);
  }

  #countAnswer(labels: Labels, { pairs = 0, startedMs, endedMs }: RequestReport, { timing, truncated }: CallFacts): void {
    this.#record.scoredPairs(labels, pairs);
    this.#record.documents(labels, pairs);
    this.#record.truncated(labels, truncated.length);
    this.#record.duration(labels, (endedMs - startedMs) / 1000);
    this.#record.queue(labels, timing.queueMs / 1000);
    this.#record.tokenization(labels, timing.tokenizationMs / 1000);
    this.#record.inference(labels, timing.inferenceMs / 1000);
  }
}

function register(registry: SeriesRegistry, model: Labels, dialects: readonly string[]) {
  const callers = dialects.map((dialect) => ({ ...model, dialect }));
  const each = (name: string, values: readonly string[]): Labels[] =>
    callers.flatMap((caller) => values.map((value) => ({ ...caller, [name]: value })));
  const reasons = Object.keys(ERROR_STATUS).filter((code) => !NEVER_ANSWERED.has(code));
  return {
    requests: registry.add(TE_SERIES.requests, each('method', TE_METHODS)),
    successes: registry.add(TE_SERIES.successes, each('method', TE_METHODS)),
    failures: registry.add(TE_SERIES.failures, each('err', TE_FAILURES)),
    pairs: registry.add(TE_SERIES.pairs, callers),
    scoredPairs: registry.add(TE_SERIES.scoredPairs, callers),
    duration: registry.add(TE_SERIES.duration, callers),
    tokenization: registry.add(TE_SERIES.tokenization, callers),
    queue: registry.add(TE_SERIES.queue, callers),
    inference: registry.add(TE_SERIES.inference, callers),
    rejected: registry.add(OWN_SERIES.rejected, each('reason', reasons)),
    inFlight: registry.add(OWN_SERIES.inFlight, [model]),
    documents: registry.add(OWN_SERIES.documents, callers),
    truncated: registry.add(OWN_SERIES.truncated, callers),
  };
}

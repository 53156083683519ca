// What is read when somebody asks: the queue, the workers, readiness, and what runs.

import type { Scorer, SessionFacts } from '../protocol.ts';
import { VERSION } from '../version.ts';
import { OWN_SERIES } from './own-series.ts';
import type { Labels, SeriesRegistry } from './registry.ts';
import type { Series } from './series.ts';
import { TE_SERIES } from './te-series.ts';

/** What the gauges look at. */
export interface WatchedState {
  readonly scorer: Pick<Scorer, 'status' | 'costPerSecond' | 'facts'>;
  readonly isDraining: () => boolean;
}

export interface GaugeLimits {
  readonly maxQueueSeconds: number;
  readonly memoryLimitBytes: number;
}

export class StateGauges {
  readonly #registry: SeriesRegistry;
  readonly #model: Labels;
  readonly #set: ReturnType<typeof register>;
  #watched: WatchedState | null = null;

  constructor(registry: SeriesRegistry, model: Labels, limits: GaugeLimits) {
    this.#registry = registry;
    this.#model = model;
    this.#set = register(registry, model);
    this.#set.queueLimit(model, limits.maxQueueSeconds);
    this.#set.memoryLimit(model, limits.memoryLimitBytes);
    this.#describe(null);
  }

  watch(state: WatchedState): void {
    this.#watched = state;
  }

  /** Brings every gauge up to this moment. */
  refresh(): void {
    if (this.#watched === null) return;
    const { scorer, isDraining } = this.#watched;
    const status = scorer.status();
    const starting = status.state === 'starting';
    const model = this.#model;
    this.#set.queueSize(model, status.queuedBatches);
    this.#set.queuedBatches(model, status.queuedBatches);
    this.#set.queueTokens(model, status.outstandingCost);
    const speed = starting ? 0 : scorer.costPerSecond();
    this.#set.queueSeconds(model, speed === 0 ? 0 : status.outstandingCost / (speed * status.workers));
    this.#set.capacity(model, speed * status.readyWorkers);
    this.#set.workers(model, status.workers);
    this.#set.readyWorkers(model, status.readyWorkers);
    this.#set.busyWorkers(model, status.busyWorkers);
    this.#set.lostWorkers(model, status.lostWorkers);
    this.#set.paddingShare(model, status.tokenSlots === 0 ? 0 : (status.tokenSlots - status.tokens) / status.tokenSlots);
    this.#set.ready(model, status.state === 'ready' && !isDraining() ? 1 : 0);
    this.#set.draining(model, isDraining() ? 1 : 0);
    this.#describe(starting ? null : scorer.facts);
  }

  /** The runtime and the number format are known once a worker has opened the model: until then their labels are empty. */
  #describe(facts: SessionFacts | null): void {
    this.#registry.reset(OWN_SERIES.build);
    const { node } = process.versions;
    const runtime = { onnxruntime: facts?.runtimeVersion ?? '', dtype: facts?.dtype ?? '' };
    this.#set.build({ ...this.#model, version: VERSION, node, ...runtime }, 1);
  }
}

function register(registry: SeriesRegistry, model: Labels) {
  const add = (series: Series) => registry.add(series, [model]);
  return {
    queueSize: add(TE_SERIES.queueSize),
    queueTokens: add(OWN_SERIES.queueTokens),
    queueSeconds: add(OWN_SERIES.queueSeconds),
    queueLimit: add(OWN_SERIES.queueLimit),
    queuedBatches: add(OWN_SERIES.queuedBatches),
    capacity: add(OWN_SERIES.capacity),
    workers: add(OWN_SERIES.workers),
    readyWorkers: add(OWN_SERIES.readyWorkers),
    busyWorkers: add(OWN_SERIES.busyWorkers),
    lostWorkers: add(OWN_SERIES.lostWorkers),
    paddingShare: add(OWN_SERIES.paddingShare),
    ready: add(OWN_SERIES.ready),
    draining: add(OWN_SERIES.draining),
    memoryLimit: add(OWN_SERIES.memoryLimit),
    build: registry.add(OWN_SERIES.build, []),
  };
}

// First scores of a fresh worker: proves the model on this machine and measures its speed.

import { RerankError } from '../src/errors.ts';
import type {
  BatchScores,
  KnownPair,
  ModelSpec,
  ModelWeights,
  PairBatch,
  SessionFacts,
  WeightsCheck,
  WorkerReady,
} from '../src/protocol.ts';
import { PLAIN_ENCODING } from './pair-encoder.ts';
import type { BatchScorer } from './scorer.ts';

/** Between machines and runtime versions fp32 logits differ by some 1e-5; a wrong or damaged file is far off. */
const KNOWN_PAIR_TOLERANCE = 1e-3;

/** A prepared copy runs the same code on the same machine that wrote its check. */
const COPY_TOLERANCE = 1e-5;

/** Speed is taken over at least this time or this many passes, whichever comes first. */
const MEASURE_MS = 60;
const MEASURE_PASSES = 20;

/** Scored by every worker when it starts; a prepared copy remembers the result. */
export const WEIGHTS_CHECK_TEXTS = {
  query: 'how many people live in Berlin?',
  document:
    'Berlin had a population of 3,520,031 registered inhabitants in an area of 891.82 square kilometers. 柏林是德国的首都。',
};

/** What a warm worker reports, less its thread and load time. */
export type WarmUp = Pick<WorkerReady, 'facts' | 'tokensPerSecond' | 'knownPairError'>;

/**
 * Scores the known pair (or a fixed text), compares it, and measures tokens per second.
 *
 * @throws RerankError `model_files` when the graph's labels differ from the config's, or the known pair's logit from the stored one
 */
export async function warmUp(scorer: BatchScorer, spec: ModelSpec, weights: ModelWeights): Promise<WarmUp> {
  if (weights.check !== null) await checkDeviation(scorer, weights.check);
  const first = await scorer.score(
    pairBatch(spec.knownPair?.query ?? WEIGHTS_CHECK_TEXTS.query, spec.knownPair?.document ?? WEIGHTS_CHECK_TEXTS.document, 1),
    never,
  );
  const facts = scorer.facts(first.numLabels);
  checkLabels(spec, facts);
  const knownPairError = spec.knownPair === null ? null : Math.abs(first.logits[0]! - spec.knownPair.logit);
  // The known pair was recorded in float32: what int8 changes there is not a fault.
  if (knownPairError !== null && weights.dtype === 'float32') checkKnownPair(first.logits[0]!, spec.knownPair!);
  return { facts, knownPairError, tokensPerSecond: await measure(scorer, first, weights.check !== null) };
}

/**
 * Compares the scores of a prepared copy with those stored beside it.
 *
 * @throws RerankError `internal` when they differ: the file is damaged, or was made on another kind of machine
 */
export async function checkDeviation(scorer: BatchScorer, check: WeightsCheck): Promise<void> {
  const actual = await scorer.logitsOf(check);
  const differs = (logit: number, i: number): boolean =>
    !(Math.abs(actual[i]! - logit) <= COPY_TOLERANCE * (1 + Math.abs(logit)));
  if (actual.length === check.logits.length && !check.logits.some(differs)) return;
  throw new RerankError('internal', `the prepared copy gives ${[...actual]} where its model gave ${check.logits}`);
}

function checkKnownPair(actual: number, { logit }: KnownPair): void {
  if (Math.abs(actual - logit) <= KNOWN_PAIR_TOLERANCE * (1 + Math.abs(logit))) return;
  throw new RerankError(
    'model_files',
    `the model scores its known pair ${actual} instead of ${logit}: the weights or the tokenizer are not the ones it was published with`,
  );
}

function checkLabels(spec: ModelSpec, facts: SessionFacts): void {
  if (facts.numLabels === spec.labels.length) return;
  throw new RerankError(
    'model_files',
    `config.json names ${spec.labels.length} label(s) (${spec.labels.slice(0, 5).join(', ')}) but the graph gives ${facts.numLabels}`,
  );
}

/**
 * Tokens per second. A large model's one warm pass says enough, and a start should not wait for more; a small one gets a few
 * passes of four pairs.
 *
 * @param first the latest pass
 * @param warm  whether another pass came before it
 */
async function measure(scorer: BatchScorer, first: BatchScores, warm: boolean): Promise<number> {
  if (warm && first.inferenceMs >= MEASURE_MS / 2) return (first.tokenSlots / first.inferenceMs) * 1000;
  const started = performance.now();
  let tokens = 0;
  let elapsed = 0;
  for (let pass = 0; pass < MEASURE_PASSES && elapsed < MEASURE_MS; pass += 1) {
    const { query, document } = WEIGHTS_CHECK_TEXTS;
    const scores = await scorer.score(pairBatch(query, document, pass === 0 ? 1 : 4), never);
    tokens += scores.tokenSlots;
    elapsed = performance.now() - started;
  }
  return (tokens / Math.max(elapsed, 1e-3)) * 1000;
}

function pairBatch(query: string, document: string, pairs: number): PairBatch {
  return {
    prompt: '',
    queries: [query],
    documents: [document],
    pairs: new Uint32Array(2 * pairs),
    encode: PLAIN_ENCODING,
    cost: 0,
  };
}

function never(): boolean {
  return false;
}

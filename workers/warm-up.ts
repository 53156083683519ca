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

/** Pairs a model that reads its input cannot answer alike. */
const UNLIKE_PAIRS = [
  WEIGHTS_CHECK_TEXTS,
  { query: WEIGHTS_CHECK_TEXTS.query, document: 'bananas' },
  { query: 'x', document: '7' },
] as const;

/** What a warm worker reports, less its thread and load time. */
export type WarmUp = Pick<WorkerReady, 'facts' | 'tokensPerSecond' | 'knownPairError'>;

/**
 * Scores the known pair (or a fixed text), compares it, and measures tokens per second. A model that passes has given finite numbers.
 *
 * @throws RerankError `model_files` when the model fails on the pair or gives no finite numbers, its labels differ from the config's, the
 *   known pair's logit from the stored one, or all pairs are alike to it; `internal` when a prepared copy is at fault
 */
export async function warmUp(scorer: BatchScorer, spec: ModelSpec, weights: ModelWeights): Promise<WarmUp> {
  try {
    return await firstScores(scorer, spec, weights);
  } catch (error) {
    throw weights.check === null ? asModelError(error, spec) : error;
  }
}

async function firstScores(scorer: BatchScorer, spec: ModelSpec, weights: ModelWeights): Promise<WarmUp> {
  if (weights.check !== null) await checkDeviation(scorer, weights.check);
  const first = await scorer.score(pairBatch(spec.knownPair ?? WEIGHTS_CHECK_TEXTS, 1), never);
  const facts = scorer.facts(first.numLabels);
  checkLabels(spec, facts);
  checkFinite(spec, first.logits);
  // A copy's check was recorded from a model that has passed here.
  if (weights.check === null) await checkUnlike(scorer, spec);
  const knownPairError = spec.knownPair === null ? null : Math.abs(first.logits[0]! - spec.knownPair.logit);
  // The known pair was recorded in float32: what int8 changes there is not a fault.
  if (knownPairError !== null && weights.dtype === 'float32') checkKnownPair(first.logits[0]!, spec.knownPair!);
  return { facts, knownPairError, tokensPerSecond: await measure(scorer, first, weights.check !== null) };
}

/** What a caller's pair would be told as an error of its own is here an error of the model. */
function asModelError(error: unknown, { id }: ModelSpec): unknown {
  if (!(error instanceof RerankError) || !['validation', 'inference'].includes(error.code)) return error;
  return new RerankError('model_files', `${id} cannot score its first pair: ${error.message}`, { cause: error });
}

/** @throws RerankError `model_files` */
export function checkFinite({ id }: Pick<ModelSpec, 'id'>, logits: Float32Array): void {
  const odd = logits.find((logit) => !Number.isFinite(logit));
  if (odd === undefined) return;
  throw new RerankError(
    'model_files',
    `${id} gives ${odd} in place of a score: its weights are damaged, or too large for the data type they are computed with`,
  );
}

async function checkUnlike(scorer: BatchScorer, spec: ModelSpec): Promise<void> {
  const seen: Float32Array[] = [];
  for (const pair of UNLIKE_PAIRS) {
    const { logits, truncated } = await scorer.score(pairBatch(pair, 1), never);
    checkFinite(spec, logits);
    if (pair.query === 'x' && truncated[0] === 1) return; // a limit of no tokens leaves nothing to tell them apart
    seen.push(logits);
  }
  const [first, ...others] = seen;
  if (others.some((logits) => logits.some((logit, label) => logit !== first![label]))) return;
  throw new RerankError(
    'model_files',
    `${spec.id} gives ${[...first!.slice(0, 5)]} for every pair, whatever it says: its weights are not those of a trained model`,
  );
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
    const scores = await scorer.score(pairBatch(WEIGHTS_CHECK_TEXTS, pass === 0 ? 1 : 4), never);
    tokens += scores.tokenSlots;
    elapsed = performance.now() - started;
  }
  return (tokens / Math.max(elapsed, 1e-3)) * 1000;
}

function pairBatch({ query, document }: Pick<KnownPair, 'query' | 'document'>, pairs: number): PairBatch {
  const texts = { queries: [query], documents: [document], pairs: new Uint32Array(2 * pairs) };
  return { ...texts, encode: PLAIN_ENCODING, prompt: '', cost: 0 };
}

function never(): boolean {
  return false;
}

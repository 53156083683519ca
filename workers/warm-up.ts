// First scores of a fresh worker: proves the model on this machine and measures its speed.

import { RerankError } from '../src/errors.ts';
import type { ModelSpec, PairBatch, SessionFacts, WorkerReady } from '../src/protocol.ts';
import type { BatchScorer } from './scorer.ts';

/** Between machines and runtime versions fp32 logits differ by some 1e-5; a wrong or damaged file is far off. */
const KNOWN_PAIR_TOLERANCE = 1e-3;

/** Speed is taken over at least this time or this many passes, whichever comes first. */
const MEASURE_MS = 60;
const MEASURE_PASSES = 20;

const WARM_UP_QUERY = 'how many people live in Berlin?';
const WARM_UP_DOCUMENT =
  'Berlin had a population of 3,520,031 registered inhabitants in an area of 891.82 square kilometers. 柏林是德国的首都。';

/** What a warm worker reports, less its thread and load time. */
export type WarmUp = Pick<WorkerReady, 'facts' | 'tokensPerSecond' | 'knownPairError'>;

/**
 * Scores the known pair (or a fixed text), compares it, and measures tokens per second.
 *
 * @throws RerankError `model_files` when the graph's labels differ from the config's, or the known pair's logit from the stored one
 */
export async function warmUp(scorer: BatchScorer, spec: ModelSpec): Promise<WarmUp> {
  const first = await scorer.score(
    pairBatch(spec.knownPair?.query ?? WARM_UP_QUERY, spec.knownPair?.document ?? WARM_UP_DOCUMENT, 1),
    never,
  );
  const facts = scorer.facts(first.numLabels);
  checkLabels(spec, facts);
  const knownPairError = spec.knownPair === null ? null : Math.abs(first.logits[0]! - spec.knownPair.logit);
  if (knownPairError !== null && !(knownPairError <= KNOWN_PAIR_TOLERANCE * (1 + Math.abs(spec.knownPair!.logit)))) {
    throw new RerankError(
      'model_files',
      `the model scores its known pair ${first.logits[0]} instead of ${spec.knownPair!.logit}: the weights or the tokenizer are not the ones it was published with`,
    );
  }
  return { facts, knownPairError, tokensPerSecond: await measure(scorer) };
}

function checkLabels(spec: ModelSpec, facts: SessionFacts): void {
  if (facts.numLabels === spec.labels.length) return;
  throw new RerankError(
    'model_files',
    `config.json names ${spec.labels.length} label(s) (${spec.labels.slice(0, 5).join(', ')}) but the graph gives ${facts.numLabels}`,
  );
}

/** Tokens per second over a few passes of four pairs; the first pass above has already allocated. */
async function measure(scorer: BatchScorer): Promise<number> {
  const batch = pairBatch(WARM_UP_QUERY, WARM_UP_DOCUMENT, 4);
  const started = performance.now();
  let tokens = 0;
  let elapsed = 0;
  for (let pass = 0; pass < MEASURE_PASSES && elapsed < MEASURE_MS; pass += 1) {
    const scores = await scorer.score(batch, never);
    tokens += scores.tokenSlots;
    elapsed = performance.now() - started;
  }
  return (tokens / Math.max(elapsed, 1e-3)) * 1000;
}

function pairBatch(query: string, document: string, pairs: number): PairBatch {
  return { queries: [query], documents: [document], pairs: new Uint32Array(2 * pairs), encode: { maxLength: null }, cost: 0 };
}

function never(): boolean {
  return false;
}

// What the domain asks of the workers for long documents, and what it expects them to cost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EncodeOptions, ScoredBatch } from '../../src/protocol.ts';
import { documentTokenLimit, pairWork } from '../../src/rerank/cost.ts';
import { encodeOptions } from '../../src/rerank/encode-options.ts';
import { estimate } from '../../src/rerank/estimate.ts';
import { gather } from '../../src/rerank/gather.ts';
import { rankPairs } from '../../src/rerank/pair-list.ts';
import { atOnce } from '../../src/rerank/turns.ts';
import { DEFAULT_SCORING, type ScoringOptions } from '../../src/rerank/types.ts';
import { fakeSpec } from '../helpers/model-spec.ts';

function encodeOf(options: Partial<ScoringOptions> = {}, numLabels = 1): EncodeOptions {
  return encodeOptions({ ...DEFAULT_SCORING, ...options }, numLabels);
}

const CHUNKS = { longDocuments: 'chunk' } as const;

test('options become what the workers take; chunks share a quarter by default', () => {
  assert.deepEqual(encodeOf(), { maxLength: null, truncationSide: null, maxTokensPerDocument: null, chunking: null });
  assert.deepEqual(encodeOf({ chunkOverlap: 3, maxChunksPerDocument: 2 }).chunking, null, 'they mean nothing without chunks');
  assert.deepEqual(encodeOf({ ...CHUNKS }).chunking, { overlap: { share: 0.25 }, maxChunks: null });
  const asked = { ...CHUNKS, truncationSide: 'left', maxTokensPerDocument: 9, chunkOverlap: 0, maxChunksPerDocument: 4 } as const;
  assert.deepEqual(encodeOf(asked), {
    maxLength: null,
    truncationSide: 'left',
    maxTokensPerDocument: 9,
    chunking: { overlap: { tokens: 0 }, maxChunks: 4 },
  });
});

test('counts out of range and chunks of several labels are refused by field', () => {
  const cases: readonly (readonly [Partial<ScoringOptions>, string])[] = [
    [{ maxTokensPerDocument: 0 }, 'max_tokens_per_doc'],
    [{ maxTokensPerDocument: 1.5 }, 'max_tokens_per_doc'],
    [{ chunkOverlap: -1 }, 'chunk_overlap'],
    [{ maxChunksPerDocument: 0 }, 'max_chunks_per_doc'],
    [{ maxChunksPerDocument: Number.NaN }, 'max_chunks_per_doc'],
  ];
  for (const [options, field] of cases) assert.throws(() => encodeOf(options), { code: 'validation', field });
  assert.throws(() => encodeOf(CHUNKS, 3), { code: 'validation', field: 'long_documents' });
  assert.equal(encodeOf({}, 3).chunking, null);
});

test('a pair in chunks is expected to run one row a window', () => {
  const encode = encodeOf({ ...CHUNKS, chunkOverlap: 10 });
  assert.deepEqual(pairWork(12, 80, encode, 100), { rows: 1, tokens: 92, lastTokens: 92 });
  // Windows of 88 that move by 78: 0..88, 78..166, 156..200.
  assert.deepEqual(pairWork(12, 200, encode, 100), { rows: 3, tokens: 100, lastTokens: 12 + 44 });
  assert.deepEqual(pairWork(12, 200, encodeOf({ ...CHUNKS, maxChunksPerDocument: 2 }), 100).rows, 2);
  assert.deepEqual(pairWork(12, 200, encodeOf(), 100), { rows: 1, tokens: 100, lastTokens: 100 });
  assert.equal(pairWork(100, 101, encodeOf({ ...CHUNKS, chunkOverlap: 99 }), 100).rows, 4, 'a long query leaves half');
});

test('a long document costs what is looked at of it', () => {
  const list = atOnce(rankPairs('query', ['x'.repeat(400_000)]));
  const spec = { ...fakeSpec(), specialTokens: 3 };
  const costOf = (options: Partial<ScoringOptions>): number => atOnce(estimate(list, spec, encodeOf(options))).costs[0]!;
  const cut = costOf({});
  assert.ok(costOf(CHUNKS) > (100_000 / spec.maxLength) * cut, 'admission sees the whole document');
  assert.ok(costOf({ ...CHUNKS, maxChunksPerDocument: 3 }) <= 3.01 * cut);
  assert.ok(costOf({ ...CHUNKS, maxTokensPerDocument: 50 }) < cut);
  assert.ok(costOf({ maxTokensPerDocument: 50 }) < cut / 2);
  assert.equal(documentTokenLimit(encodeOf({ ...CHUNKS, maxChunksPerDocument: 3 }), 100), 300);
});

test('chunks are told in request order, null when no document was split', () => {
  const planned = { batches: [], rows: [Uint32Array.of(1), Uint32Array.of(0)], distinctOf: Uint32Array.of(0, 1, 0) };
  const batch = (chunks: number | null): ScoredBatch => ({
    logits: new Float32Array(1),
    numLabels: 1,
    tokenCounts: Uint32Array.of(10),
    truncated: new Uint8Array(1),
    chunks: chunks === null ? null : Uint32Array.of(chunks),
    tokenizationMs: 0,
    inferenceMs: 0,
    tokenSlots: 10,
    runs: 1,
    queueMs: 0,
  });
  assert.deepEqual(atOnce(gather(planned, [batch(1), batch(4)])).chunks, [4, 1, 4]);
  assert.equal(atOnce(gather(planned, [batch(1), batch(1)])).chunks, null);
  assert.equal(atOnce(gather(planned, [batch(null), batch(null)])).chunks, null);
});

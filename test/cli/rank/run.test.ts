// A run against a service that scores by arithmetic: every place it can be resumed from leads to the same bytes.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createConsole } from '../../../src/cli/console.ts';
import type { Sink } from '../../../src/cli/rank/output.ts';
import { RankProgress } from '../../../src/cli/rank/progress.ts';
import { createRenderer, type OutputKind } from '../../../src/cli/rank/render.ts';
import { type Checkpoint, FROM_THE_START } from '../../../src/cli/rank/resume.ts';
import { type RunOptions, type RunTotals, runRanking } from '../../../src/cli/rank/run.ts';
import { findSources } from '../../../src/cli/rank/sources.ts';
import { rank } from '../../../src/rerank/rank.ts';
import { DEFAULT_SCORING, type RankRequest, type RankResult, type RerankService } from '../../../src/rerank/types.ts';

const directory = mkdtempSync(join(tmpdir(), 'crossrank-run-'));
after(() => rmSync(directory, { recursive: true }));

const DOCUMENTS = 2500; // three windows
const corpus = join(directory, 'corpus.txt');
writeFileSync(corpus, Array.from({ length: DOCUMENTS }, (_, index) => `document ${(index * 37) % 1000}\n`).join(''));

type Case = Pick<RunOptions, 'topK' | 'unsorted'> & { readonly kind: OutputKind; readonly queries: number };

const CASES: readonly Case[] = [
  { topK: 10, unsorted: false, kind: 'jsonl', queries: 1 },
  { topK: 10, unsorted: false, kind: 'json', queries: 1 },
  { topK: null, unsorted: true, kind: 'jsonl', queries: 2 },
  { topK: 7, unsorted: false, kind: 'json', queries: 3 },
  { topK: null, unsorted: false, kind: 'json', queries: 2 },
  { topK: null, unsorted: false, kind: 'jsonl', queries: 3 },
];

for (const each of CASES) {
  test(`resumed from any checkpoint, the output is the same: ${JSON.stringify(each)}`, async () => {
    const whole = await run(each, FROM_THE_START, '');
    assert.equal(whole.totals.scored, each.queries * DOCUMENTS);
    assert.ok(whole.checkpoints.length > each.queries);
    for (const { checkpoint, text } of whole.checkpoints) {
      assert.equal(Buffer.byteLength(text), checkpoint.outputBytes);
      if (checkpoint.finished) continue;
      const resumed = await run(each, checkpoint, text);
      assert.equal(resumed.text, whole.text);
      assert.equal(resumed.totals.scored, whole.totals.scored - checkpoint.queries * DOCUMENTS - checkpoint.documents);
    }
    assert.equal(whole.checkpoints.at(-1)!.checkpoint.finished, true);
  });
}

test('the ranking is that of all documents at once', async () => {
  const { text } = await run({ topK: 10, unsorted: false, kind: 'jsonl', queries: 1 }, FROM_THE_START, '');
  const scores = Float32Array.from({ length: DOCUMENTS }, (_, index) => scoreOf('query 0', `document ${(index * 37) % 1000}`));
  const expected = rank(scores, scores, 10).map(({ index, score }) => [index, score]);
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ corpus_id, score }) => [corpus_id, score]),
    expected,
  );
  assert.deepEqual(
    lines.map((line) => line.line),
    expected.map(([index]) => index! + 1),
  );
});

test('an input that changed is refused', async () => {
  const each: Case = { topK: 10, unsorted: false, kind: 'jsonl', queries: 1 };
  const { checkpoints } = await run(each, FROM_THE_START, '');
  const { checkpoint } = checkpoints[1]!;
  for (const changed of [{ digest: 'other' }, { documents: 100_000 }]) {
    await assert.rejects(run(each, { ...checkpoint, ...changed }, ''), {
      exit: 'output',
      message: /not those of the interrupted run/,
    });
  }
});

test('an interrupted run fails, and nothing after the interruption is in the last place', async () => {
  const interrupt = new AbortController();
  const saved: Checkpoint[] = [];
  const each: Case = { topK: null, unsorted: true, kind: 'jsonl', queries: 2 };
  const parts = partsOf(each, '', (checkpoint) => {
    saved.push(checkpoint);
    if (saved.length === 2) interrupt.abort();
  });
  await assert.rejects(runRanking({ ...(await optionsOf(each)), signal: interrupt.signal }, parts));
  assert.equal(saved.length, 2);
});

function scoreOf(query: string, document: string): number {
  let hash = 7;
  for (const character of query + document) hash = (hash * 31 + character.charCodeAt(0)) % 1009;
  return Math.fround(hash / 1009);
}

const service: RerankService = {
  async rank({ query, documents, topK }: RankRequest): Promise<RankResult> {
    const scores = Float32Array.from(documents, (document) => scoreOf(query, document));
    const timing = { queueMs: 0, tokenizationMs: 0, inferenceMs: 0, totalMs: 0 };
    return {
      results: rank(scores, scores, topK),
      model: 'm',
      activation: 'sigmoid',
      truncated: [],
      chunks: null,
      totalTokens: 0,
      timing,
    };
  },
  predict: () => Promise.reject(new Error('not asked for')),
  tokenize: () => Promise.reject(new Error('not asked for')),
};

async function optionsOf({ topK, unsorted, queries }: Case): Promise<RunOptions> {
  return {
    queries: Array.from({ length: queries }, (_, number) => ({ id: number, text: `query ${number}`, number })),
    sources: await findSources([corpus], null),
    documents: { format: null, textField: 'text', column: null, header: true, onInvalid: () => {} },
    scoring: DEFAULT_SCORING,
    topK,
    unsorted,
    keepTexts: true,
    maxInFlight: 3,
    signal: new AbortController().signal,
  };
}

function partsOf({ kind, queries }: Case, before: string, onSave: (checkpoint: Checkpoint, text: string) => void) {
  let text = before;
  const sink: Sink = {
    write: async (piece) => {
      text += piece;
    },
    get bytes() {
      return Buffer.byteLength(text);
    },
    sync: async () => {},
    close: async () => {},
  };
  const logger = createConsole({ quiet: true, stream: process.stderr });
  const progress = new RankProgress({ totalBytes: null, logger, stream: process.stderr, quiet: true, sharesTerminal: false });
  const renderer = createRenderer(kind, queries > 1, { width: 80, colour: false });
  // A state file holds JSON, so a checkpoint must survive it.
  const save = async (checkpoint: Checkpoint) => onSave(JSON.parse(JSON.stringify(checkpoint)), text);
  return { service, sink, renderer, progress, save, text: () => text };
}

interface Outcome {
  readonly text: string;
  readonly totals: RunTotals;
  readonly checkpoints: readonly { readonly checkpoint: Checkpoint; readonly text: string }[];
}

async function run(each: Case, from: Checkpoint, before: string): Promise<Outcome> {
  const checkpoints: { checkpoint: Checkpoint; text: string }[] = [];
  const parts = partsOf(each, before, (checkpoint, text) => checkpoints.push({ checkpoint, text: text.slice(0, text.length) }));
  const totals = await runRanking(await optionsOf(each), parts, from);
  return { text: parts.text(), totals, checkpoints };
}

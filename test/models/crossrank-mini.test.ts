// The embedded model as it lies in the repository: sizes, recorded scores, the six-document demo, and the promise to work with the defaults.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CrossEncoder } from '../../src/index.ts';
import { Crossrank } from '../e2e/process.ts';
import { repoRoot } from '../helpers/paths.ts';

const MODEL = join(repoRoot, 'models/crossrank-mini');
const MEBIBYTE = 2 ** 20;

interface RecordedPair {
  readonly query: string;
  readonly document: string;
  readonly logit: number;
}

interface Figures {
  readonly mrr: number;
  readonly ndcg: number;
}

/** What `npm run bench:quality` wrote. */
interface QualityResult {
  readonly weights_sha256: string;
  readonly sets: readonly {
    readonly set: string;
    readonly queries: number;
    readonly model: Figures;
    readonly bm25: Figures;
    readonly random: Figures;
  }[];
}

/** The original project's demo: the documents about the novel and its author are the first two. */
const DEMOS = [
  {
    query: '谁写的《杀死一只知更鸟》？',
    documents: [
      '《白鲸记》是赫尔曼·梅尔维尔所著，首次出版于1851年，讲述了亚哈船长追捕一头白鲸的故事。',
      '《杀死一只知更鸟》是一本于1960年出版的小说，出版后立即获得成功，并赢得了普利策奖。',
      '简·奥斯汀是一位英国小说家，以其六部主要小说而闻名，其中包括《傲慢与偏见》。',
      '哈珀·李是一位美国小说家，1926年出生于亚拉巴马州，她因《杀死一只知更鸟》而广为人知。',
      '《哈利·波特》系列由英国作家J.K.罗琳创作，讲述了一位年轻巫师的故事。',
      '《了不起的盖茨比》是美国作家弗·斯科特·菲茨杰拉德所写的一部小说，于1925年出版。',
    ],
    relevant: [1, 3],
  },
  {
    query: "Who wrote 'To Kill a Mockingbird'?",
    documents: [
      "'To Kill a Mockingbird' is a novel by Harper Lee published in 1960. It was immediately successful, winning the Pulitzer Prize.",
      "The novel 'Moby-Dick' was written by Herman Melville and first published in 1851.",
      "Harper Lee, an American novelist widely known for her novel 'To Kill a Mockingbird', was born in 1926 in Monroeville, Alabama.",
      'Jane Austen was an English novelist known primarily for her six major novels.',
      "The 'Harry Potter' series was written by British author J.K. Rowling.",
      "'The Great Gatsby', a novel written by American author F. Scott Fitzgerald, was published in 1925.",
    ],
    relevant: [0, 2],
  },
];

test('the files are within their sizes', () => {
  const sizes = readdirSync(MODEL).map((name) => statSync(join(MODEL, name)).size);
  assert.ok(sizes.length >= 5);
  assert.ok(Math.max(...sizes) <= 8 * MEBIBYTE);
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 12 * MEBIBYTE);
});

test('recorded pairs keep their scores', async () => {
  const recorded = JSON.parse(readFileSync(join(MODEL, 'recorded-pairs.json'), 'utf8')) as RecordedPair[];
  assert.ok(recorded.length >= 200);
  await using model = await CrossEncoder.load(MODEL, { workers: 1 });
  const logits = await model.predict(
    recorded.map(({ query, document }) => [query, document] as const),
    { activationFn: 'identity' },
  );
  recorded.forEach(({ logit, query }, index) => {
    assert.ok(
      Math.abs(logits[index]! - logit) <= 1e-4 * Math.max(1, Math.abs(logit)),
      `${query}: ${logits[index]} instead of ${logit}`,
    );
  });
});

test("the card's figures are those of the committed result, which is of these weights", () => {
  const result = JSON.parse(readFileSync(join(repoRoot, 'bench/results/quality.json'), 'utf8')) as QualityResult;
  const weights = createHash('sha256')
    .update(readFileSync(join(MODEL, 'model.onnx')))
    .digest('hex');
  assert.equal(result.weights_sha256, weights, 'run npm run bench:quality');
  const card = readFileSync(join(MODEL, 'README.md'), 'utf8');
  assert.equal(result.sets.length, 3);
  for (const { set, queries, model, bm25, random } of result.sets) {
    const figures = [model.mrr, bm25.mrr, random.mrr, model.ndcg, bm25.ndcg, random.ndcg];
    const row = new RegExp(`^\\| ${set} \\| ${queries} \\| (.*) \\|$`, 'm').exec(card)?.[1];
    assert.ok(row !== undefined, `no row of ${set}`);
    row.split(' | ').forEach((shown, column) => {
      assert.ok(
        Math.abs(Number(shown) - figures[column]!) <= 0.00055,
        `${set}: ${shown} on the card, ${figures[column]} measured`,
      );
    });
  }
});

for (const { query, documents, relevant } of DEMOS) {
  test(`${query} the two documents about the novel and its author come first`, async () => {
    await using model = await CrossEncoder.load(MODEL, { workers: 2 });
    const ranked = await model.rank(query, documents);
    const first = ranked.slice(0, 2).map(({ corpusId }) => corpusId);
    assert.deepEqual(first.sort(), relevant, JSON.stringify(ranked));
  });
}

test('5,000 short documents work with the defaults', async (t) => {
  const server = new Crossrank(t, ['serve', '--port', '0']);
  const { url } = (await server.logLine('ready')) as { url: string };
  const documents = Array.from({ length: 5000 }, (_, i) => `Document ${i} tells of pandas, bears and bamboo. 第${i}篇。`);
  const response = await fetch(`${url}/rank`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: 'what do pandas eat?', documents, top_k: 10 }),
  });
  assert.equal(response.status, 200);
  const answer = (await response.json()) as { results: { score: number }[]; usage: { pairs: number } };
  assert.equal(answer.results.length, 10);
  assert.equal(answer.usage.pairs, 5000);
});

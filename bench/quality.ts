// `npm run bench:quality`: ranking quality of a model on development sets, beside BM25 and random order. Speed is not measured here.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { CrossEncoder } from '../src/index.ts';
import { renderProgress } from '../src/progress-bar.ts';
import { Bm25 } from './quality/bm25.ts';
import { type Metrics, meanMetrics, metricsOf, type QualityQuery, randomOrder, ranked } from './quality/metrics.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RESULT = join(ROOT, 'bench/results/quality.json');

interface SetResult {
  readonly set: string;
  readonly queries: number;
  readonly model: Metrics;
  readonly bm25: Metrics;
  readonly random: Metrics;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: join(ROOT, 'data/dev') },
      model: { type: 'string', default: join(ROOT, 'models/crossrank-mini') },
      limit: { type: 'string', default: '0' },
      'no-write': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const files = existsSync(values.data) ? readdirSync(values.data).filter((name) => name.endsWith('.jsonl.gz')) : [];
  if (values.help || files.length === 0) {
    console.log(
      'npm run bench:quality -- --data DIR [--model DIR] [--limit QUERIES] [--no-write]\n' +
        'DIR holds SET.jsonl.gz files, one query a line: {"qid","query","candidates":[{"id","text","rel"}]}, one candidate of rel 1.' +
        (values.help ? '' : `\nNo development set in ${values.data}.`),
    );
    process.exitCode = values.help ? 0 : 1;
    return;
  }
  await using model = await CrossEncoder.load(values.model);
  const sets: SetResult[] = [];
  for (const file of files.sort()) sets.push(await evaluate(model, join(values.data, file), Number(values.limit)));
  print(sets);
  if (!values['no-write']) write(values.model, sets);
}

async function evaluate(model: CrossEncoder, path: string, limit: number): Promise<SetResult> {
  const all = readSet(path);
  // The idf is taken over the whole set, also when only some queries are asked.
  const bm25 = new Bm25([...new Map(all.flatMap(({ candidates }) => candidates.map(({ id, text }) => [id, text]))).values()]);
  const queries = limit > 0 ? all.slice(0, limit) : all;
  const bar = renderProgress(basename(path), queries.length);
  const scored: Metrics[] = [];
  for (const query of queries) {
    const pairs = query.candidates.map(({ text }) => [query.query, text] as const);
    scored.push(metricsOf(ranked(query, await model.predict(pairs, { activationFn: 'identity' }))));
    bar.update(scored.length);
  }
  bar.end();
  const lexical = queries.map((query) => {
    const scores = query.candidates.map(({ text }) => bm25.score(query.query, text));
    return metricsOf(ranked(query, scores));
  });
  return {
    set: basename(path, '.jsonl.gz'),
    queries: queries.length,
    model: meanMetrics(scored),
    bm25: meanMetrics(lexical),
    random: meanMetrics(queries.map(randomOrder)),
  };
}

function readSet(path: string): QualityQuery[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as QualityQuery);
}

function print(sets: readonly SetResult[]): void {
  const rows = sets.flatMap(({ set, queries, model, bm25, random }) =>
    Object.entries({ model, bm25, random }).map(([system, { mrr, ndcg, top1 }]) => ({
      set,
      queries,
      system,
      'MRR@10': mrr.toFixed(4),
      'nDCG@10': ndcg.toFixed(4),
      'top-1': top1.toFixed(4),
    })),
  );
  console.table(rows);
}

/** Figures to four decimals beside the hash of the weights, so that a card can be checked against the file that gave them. */
function write(model: string, sets: readonly SetResult[]): void {
  const weights = createHash('sha256')
    .update(readFileSync(join(model, 'model.onnx')))
    .digest('hex');
  const round = ({ mrr, ndcg, top1 }: Metrics): Metrics => ({ mrr: four(mrr), ndcg: four(ndcg), top1: four(top1) });
  const result = {
    model: basename(model),
    weights_sha256: weights,
    node: process.version,
    cut_off: 10,
    sets: sets.map((each) => ({ ...each, model: round(each.model), bm25: round(each.bm25), random: round(each.random) })),
  };
  mkdirSync(join(ROOT, 'bench/results'), { recursive: true });
  writeFileSync(RESULT, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`written: ${RESULT}`);
}

function four(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

await main();

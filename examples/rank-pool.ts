// The demo on all cores: the original project's multi-process variant. One model serves many calls at once, and they take turns.
//   npm run build && node dist/examples/rank-pool.js

import { readFile } from 'node:fs/promises';
import { CrossEncoder } from 'crossrank';

const demo = JSON.parse(await readFile('examples/data/mockingbird.json', 'utf8')) as { query: string; documents: string[] };

// Without `workers` it is one thread a usable core; a container's CPU limit counts.
await using model = await CrossEncoder.load();

// A long call is cut into batches for all workers. Here every document comes 50 times, to give them something to do.
const many = Array.from({ length: 50 }, () => demo.documents).flat();
const [ranked, long] = await Promise.all([
  model.rank(demo.query, demo.documents, { returnDocuments: true }),
  model.rank(demo.query, many, { topK: 3, showProgressBar: true }),
]);

console.log(`查询：${demo.query}`);
for (const { corpusId, score, text } of ranked) console.log(`${score.toFixed(5)}  [${corpusId}] ${text}`);
console.log(`first three of ${many.length}: ${long.map(({ corpusId }) => corpusId).join(', ')}`);

// The demo as a library call on one worker thread: the original project's plain variant.
//   npm run build && node dist/examples/rank-plain.js

import { readFile } from 'node:fs/promises';
import { CrossEncoder } from 'crossrank';

const demo = JSON.parse(await readFile('examples/data/mockingbird.json', 'utf8')) as { query: string; documents: string[] };

// No directory: the embedded model. Any cross-encoder in Hugging Face layout with an ONNX file goes here.
await using model = await CrossEncoder.load(undefined, { workers: 1 });

console.log(`查询：${demo.query}`);
for (const { corpusId, score, text } of await model.rank(demo.query, demo.documents, { returnDocuments: true })) {
  console.log(`${score.toFixed(5)}  [${corpusId}] ${text}`);
}

// Search in two stages: BM25 finds 20 candidates fast, the cross-encoder reads each of them with the question and keeps 5.
//   npm run build && node dist/examples/retrieve-and-rerank.js [QUESTION ...]

import { readFile } from 'node:fs/promises';
import { CrossEncoder } from 'crossrank';
import MiniSearch from 'minisearch';

const CANDIDATES = 20;
const KEPT = 5;
const COLUMN = 60; // width of one order, in terminal cells

interface Passage {
  readonly id: string;
  readonly text: string;
}

/** Words of any language. Chinese has no spaces between words; Intl.Segmenter cuts by a dictionary. */
const segmenter = new Intl.Segmenter('zh', { granularity: 'word' });
function words(text: string): string[] {
  return [...segmenter.segment(text)].filter(({ isWordLike }) => isWordLike).map(({ segment }) => segment);
}

const lines = (await readFile('examples/data/passages.jsonl', 'utf8')).trimEnd().split('\n');
const passages = lines.map((line) => JSON.parse(line) as Passage);
const textOf = new Map(passages.map(({ id, text }) => [id, text]));

const index = new MiniSearch<Passage>({ fields: ['text'], tokenize: words }); // scores by BM25+
index.addAll(passages);
await using model = await CrossEncoder.load();

const asked = process.argv.slice(2);
for (const question of asked.length > 0 ? asked : ['Which planet is the largest?', '世界上最高的山峰是哪座？']) {
  const found = index.search(question).slice(0, CANDIDATES);
  const ids = found.map(({ id }) => String(id));
  const documents = ids.map((id) => textOf.get(id)!);
  const ranked = await model.rank(question, documents, { topK: KEPT });

  console.log(`\n${question}   (${found.length} candidates of ${passages.length} passages)`);
  console.log(`   ${fit('BM25')} crossrank`);
  for (let place = 0; place < ranked.length; place++) {
    const { corpusId, score } = ranked[place]!;
    const before = fit(`${found[place]!.score.toFixed(1).padStart(5)}  ${ids[place]} ${documents[place]}`);
    const after = fit(`${score.toFixed(3)}  ${ids[corpusId]} ${documents[corpusId]}`);
    console.log(`${place + 1}. ${before} ${after}`.trimEnd());
  }
}

/** Cuts or pads to the column; a Chinese character takes two cells. */
function fit(text: string): string {
  let cells = 0;
  let cut = '';
  for (const character of text) {
    const width = /[\u1100-\u115f\u2e80-\uffdc]/.test(character) ? 2 : 1;
    if (cells + width > COLUMN) break;
    cells += width;
    cut += character;
  }
  return cut + ' '.repeat(COLUMN - cells);
}

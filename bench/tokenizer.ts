// `npm run bench:tokenizer`: our encoder beside @huggingface/tokenizers on the same texts, interleaved in one run. Tokens per second of one core.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import { loadModelSpec } from '../src/model/model-spec.ts';
import { loadTokenizer } from '../workers/tokenizer/load.ts';
import { median } from './statistics.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RESULT = join(ROOT, 'bench/results/tokenizer.json');

const MODELS: Readonly<Record<string, string>> = {
  'crossrank-mini (WordPiece)': 'models/crossrank-mini',
  'xlmr (Unigram)': 'test/oracle/fixtures/models/xlmr',
  'roberta (byte-level BPE)': 'test/oracle/fixtures/models/roberta',
};

const TEXTS: Readonly<Record<string, string>> = {
  English:
    'Berlin is the capital and largest city of Germany, both by area and by population. Its more than 3.85 million inhabitants make it the most populous city of the European Union.',
  Chinese: '柏林是德国的首都和最大城市，人口超过三百八十五万，是欧盟人口最多的城市。它位于德国东北部，施普雷河与哈弗尔河交汇处。',
};

const ROUNDS = 15;
const ROUND_MS = 100;
/** Distinct texts a round, so that no cache of whole texts decides. */
const VARIANTS = 64;

type Encode = (text: string) => number;

/** Tokens per second over about ROUND_MS. */
function round(encode: Encode, texts: readonly string[]): number {
  const started = performance.now();
  let tokens = 0;
  let elapsed = 0;
  while (elapsed < ROUND_MS) {
    for (const text of texts) tokens += encode(text);
    elapsed = performance.now() - started;
  }
  return (tokens / elapsed) * 1000;
}

function compare(model: string, text: string): { ours: number; library: number; ratio: number } {
  const spec = loadModelSpec(join(ROOT, model), { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
  const own = loadTokenizer(spec).text;
  const library = new Tokenizer(JSON.parse(readFileSync(spec.tokenizerFile, 'utf8')) as object, spec.tokenizerConfig);
  const ourEncode: Encode = (each) => own.encode(each, 512).length;
  const libraryEncode: Encode = (each) => library.encode(each, { add_special_tokens: false }).ids.length;
  const texts = Array.from({ length: VARIANTS }, (_, i) => `${i} ${text}`);
  for (const each of texts) {
    if (ourEncode(each) !== libraryEncode(each)) throw new Error(`the two give different token counts for: ${each}`);
  }
  const rounds = Array.from({ length: ROUNDS }, () => ({ ours: round(ourEncode, texts), library: round(libraryEncode, texts) }));
  const ours = Math.round(median(rounds.map((each) => each.ours)));
  const theirs = Math.round(median(rounds.map((each) => each.library)));
  return { ours, library: theirs, ratio: Math.round((ours / theirs) * 10) / 10 };
}

const load = loadavg()[0]!;
if (load > 0.5) console.log(`the machine is busy (load ${load.toFixed(2)}): ratios hold, absolute figures do not`);
const results = Object.entries(MODELS).flatMap(([model, directory]) =>
  Object.entries(TEXTS).map(([language, text]) => ({ model, language, ...compare(directory, text) })),
);
console.table(results.map(({ ours, library, ...each }) => ({ ...each, 'ours, tokens/s': ours, 'library, tokens/s': library })));
mkdirSync(join(ROOT, 'bench/results'), { recursive: true });
const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version, load_before: load };
writeFileSync(RESULT, `${JSON.stringify({ machine, unit: 'tokens per second, one core', results }, null, 2)}\n`);

// Driver: transformers.js on the same ONNX file, as its documentation ranks. Arguments: MODEL REQUESTS_FILE ACTIVATION BATCH.
// BATCH 0 is the documentation's way, all documents in one padded call; 32 is sentence-transformers' default.

import { createRequire } from 'node:module';
import { basename, dirname } from 'node:path';
import type { Ranking } from './agreement.ts';
import { driverLoop } from './driver-loop.ts';
import { TRANSFORMERS_JS } from './places.ts';

type Inputs = Readonly<Record<string, unknown>>;
type Tokenizer = (queries: readonly string[], options: object) => Inputs;
type Model = (inputs: Inputs) => Promise<{ readonly logits: { readonly data: Float32Array } }>;

/** What is used of the package; its own types would have to be installed for crossrank to compile. */
interface TransformersJs {
  readonly env: {
    readonly version: string;
    allowRemoteModels: boolean;
    localModelPath: string;
    readonly backends: { readonly onnx: { readonly versions: { readonly node: string } } };
  };
  readonly AutoTokenizer: { from_pretrained(name: string): Promise<Tokenizer> };
  readonly AutoModelForSequenceClassification: { from_pretrained(name: string, options: object): Promise<Model> };
}

const [model = '', requestsFile = '', activation = '', batch = ''] = process.argv.slice(2);
// Installed for the peers alone: it is looked up from their package, not from here.
const library = createRequire(TRANSFORMERS_JS)('@huggingface/transformers') as TransformersJs;
const { env } = library;
env.allowRemoteModels = false;
env.localModelPath = `${dirname(model)}/`;
const tokenizer = await library.AutoTokenizer.from_pretrained(basename(model));
const network = await library.AutoModelForSequenceClassification.from_pretrained(basename(model), {
  dtype: 'fp32',
  device: 'cpu',
  subfolder: '', // the file lies beside config.json, not in onnx/
});

async function logits(query: string, documents: readonly string[]): Promise<number[]> {
  const queries = documents.map(() => query);
  const inputs = tokenizer(queries, { text_pair: documents, padding: true, truncation: true });
  return Array.from((await network(inputs)).logits.data);
}

async function rank(query: string, documents: readonly string[]): Promise<Ranking> {
  const size = Number(batch) || documents.length;
  const scores: number[] = [];
  for (let start = 0; start < documents.length; start += size) {
    scores.push(...(await logits(query, documents.slice(start, start + size))));
  }
  return scores.map((logit, document) => [document, activate(logit)] as const).sort(([, a], [, b]) => b - a);
}

function activate(logit: number): number {
  return activation === 'sigmoid' ? 1 / (1 + Math.exp(-logit)) : logit;
}

await driverLoop(requestsFile, {
  versions: {
    '@huggingface/transformers': env.version,
    node: process.versions.node,
    'onnxruntime-node': env.backends.onnx.versions.node,
  },
  rank,
});

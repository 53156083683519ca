// The models of the bench by name, each with the words its corpus is made of.

import { readFileSync } from 'node:fs';
import { loadModelSpec } from '../../src/model/model-spec.ts';
import type { ModelSpec } from '../../src/protocol.ts';
import { type CorpusOptions, englishWords } from '../corpus.ts';
import { EMBEDDED_MODEL, MODEL_CACHE } from '../paths.ts';
import { BERT_BASE, type BertShape, MINILM } from './bert-shape.ts';
import { modelDirectory } from './model-directory.ts';
import { syntheticWords } from './vocabulary.ts';

export interface BenchModel {
  readonly title: string;
  readonly directory: string;
  readonly spec: ModelSpec;
  /** What makeCorpus needs to write texts for its tokenizer. */
  readonly texts: Pick<CorpusOptions, 'words' | 'style'>;
}

/** Random weights in the shape of ms-marco-MiniLM-L6-v2. */
export function minilm(): BenchModel {
  return randomModel('MiniLM-L6-H384 shape', MINILM);
}

/** Random weights in the shape of bert-base-uncased. */
export function bertBase(): BenchModel {
  return randomModel('BERT-base shape', BERT_BASE);
}

/** The model crossrank comes with: two layers of 128, so that tokenisation and messages weigh more. */
export function embedded(): BenchModel {
  const spec = specOf(EMBEDDED_MODEL);
  const { model } = JSON.parse(readFileSync(spec.tokenizerFile, 'utf8')) as { model: { vocab: Record<string, number> } };
  return {
    title: 'crossrank-mini',
    directory: EMBEDDED_MODEL,
    spec,
    texts: { words: englishWords(model.vocab), style: 'prose' },
  };
}

function randomModel(title: string, shape: BertShape): BenchModel {
  const directory = modelDirectory(shape, MODEL_CACHE);
  return { title, directory, spec: specOf(directory), texts: { words: syntheticWords(shape.vocabulary), style: 'words' } };
}

function specOf(directory: string): ModelSpec {
  return loadModelSpec(directory, { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
}

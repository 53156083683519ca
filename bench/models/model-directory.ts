// Random-weight model directories in Hugging Face layout, written once and kept outside git.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seedOf } from '../random.ts';
import { bertModel } from './bert-graph.ts';
import type { BertShape } from './bert-shape.ts';
import { writeOneFile } from './one-file.ts';
import { SPECIAL_IDS, tokenizerJson } from './vocabulary.ts';

/** Raised when the writer changes, so that directories of an older one are written anew. */
const WRITER_VERSION = 2;

const STAMP = 'bench-model.json';

/**
 * The directory of a shape's model below `cache`, written when it is not there.
 *
 * @returns path of the directory: model.onnx in one file, config.json, tokenizer.json, tokenizer_config.json
 */
export function modelDirectory(shape: BertShape, cache: string): string {
  const directory = join(cache, shape.name);
  const stamp = stampOf(shape);
  const stampFile = join(directory, STAMP);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return directory;
  const making = `${directory}.making-${process.pid}`;
  mkdirSync(making, { recursive: true });
  writeOneFile(bertModel(shape, seedOf(shape.name)), join(making, 'model.onnx'));
  writeJson(join(making, 'config.json'), config(shape));
  writeJson(join(making, 'tokenizer.json'), tokenizerJson(shape.vocabulary));
  writeJson(join(making, 'tokenizer_config.json'), tokenizerConfig(shape));
  writeFileSync(join(making, STAMP), stamp);
  rmSync(directory, { recursive: true, force: true });
  renameSync(making, directory);
  return directory;
}

function stampOf(shape: BertShape): string {
  const weights =
    'random, seeded; initializers are named as in the state dict of BertForSequenceClassification; ' +
    'weights of bert.encoder.*.weight matrices are stored transposed, [in, out]; pooler and classifier are [out, in] as in torch';
  return `${JSON.stringify({ writer: WRITER_VERSION, shape, weights }, null, 2)}\n`;
}

function config(shape: BertShape): object {
  return {
    architectures: ['BertForSequenceClassification'],
    model_type: 'bert',
    vocab_size: shape.vocabulary,
    hidden_size: shape.hidden,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    intermediate_size: shape.intermediate,
    hidden_act: 'gelu',
    max_position_embeddings: shape.positions,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
    pad_token_id: SPECIAL_IDS['[PAD]'],
    id2label: { 0: 'LABEL_0' },
    label2id: { LABEL_0: 0 },
  };
}

function tokenizerConfig({ positions }: BertShape): object {
  return {
    tokenizer_class: 'BertTokenizer',
    model_max_length: positions,
    do_lower_case: true,
    unk_token: '[UNK]',
    sep_token: '[SEP]',
    pad_token: '[PAD]',
    cls_token: '[CLS]',
    mask_token: '[MASK]',
  };
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value)}\n`);
}

// tokenizer.json and tokenizer_config.json -> a loaded tokenizer. Only workers/pair-encoder imports it.
//
// Of @huggingface/tokenizers we use the translation of Oniguruma patterns (regex.ts); its other stages differ from the
// Rust library in ways that change ids, so the stages here are ports of tokenizers 0.22.2.

import { readFileSync, statSync } from 'node:fs';
import { RerankError } from '../../src/errors.ts';
import type { ModelSpec } from '../../src/protocol.ts';
import { AddedVocabulary, readAddedTokens } from './added-tokens.ts';
import { AlignedEncoder } from './aligned/aligned-encoder.ts';
import { createAlignedNormalizer } from './aligned/normalizers.ts';
import { offsetTrims, overridePostProcessor } from './aligned/offset-trim.ts';
import { createAlignedPreTokenizer } from './aligned/pre-tokenizers.ts';
import { BertText } from './bert-text.ts';
import { cutPattern } from './cuts.ts';
import { failModel, isObject, type Json, objectAt } from './json.ts';
import { createModel, type TokenModel } from './model.ts';
import { createNormalizer, WHOLE } from './normalizers.ts';
import { configuredTokens, overrideNormalizer, overridePreTokenizer } from './overrides.ts';
import { checkStages } from './stage-limits.ts';
import { readTemplates, type Templates } from './template.ts';
import { type PieceSizes, TextEncoder } from './text-encoder.ts';
import type { TruncationSide } from './truncate.ts';
import { WordPiece } from './word-piece.ts';
import { createWordStream } from './word-stream.ts';

export type TokenizerSpec = Pick<ModelSpec, 'tokenizerFile' | 'tokenizerConfig' | 'modelType' | 'doLowerCase'>;

export interface LoadedTokenizer {
  readonly text: TextEncoder;
  readonly templates: Templates;
  readonly truncationSide: TruncationSide;
  /** For tokens with their places; made when first asked for, so that scoring pays nothing. @throws RerankError `model_files` */
  aligned(): AlignedEncoder;
}

export interface LoadOptions {
  /** Sizes of the pieces of a long text; others only in tests. */
  readonly pieces?: PieceSizes;
  /** False encodes BERT tokenizers stage by stage; only for tests. */
  readonly usesBertText?: boolean;
}

/** @throws RerankError `model_files` naming the file and what is wrong with it */
export function loadTokenizer(spec: TokenizerSpec, options: LoadOptions = {}): LoadedTokenizer {
  try {
    return load(spec, options);
  } catch (error) {
    if (error instanceof RerankError) throw error;
    // What the file says made a stage fail in a way none of them expects.
    return failModel(spec.tokenizerFile, `it cannot be used: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function load(spec: TokenizerSpec, options: LoadOptions): LoadedTokenizer {
  const file = spec.tokenizerFile;
  const root = objectAt(parseFile(file), file);
  checkStages(root, file);
  const normalizer = overrideNormalizer(root.normalizer, spec.tokenizerConfig, spec);
  const preTokenizer = overridePreTokenizer(root.pre_tokenizer, spec.tokenizerConfig);
  const model = createModel(root.model, `${file}: model`);
  const normalize = createNormalizer(normalizer, `${file}: normalizer`);
  const vocabulary = addTokens(root, spec, model);
  const rawTokens = vocabulary.matcher(false, (text) => text);
  const normalizedTokens = vocabulary.matcher(true, (text) => normalize.whole(text, WHOLE));
  const isFused = options.usesBertText !== false && normalizedTokens.isEmpty;
  const stages = {
    rawTokens,
    normalizedTokens,
    normalize,
    model,
    words: createWordStream(preTokenizer, `${file}: pre_tokenizer`),
    bertText: isFused ? fuse(normalizer, preTokenizer, model) : null,
    cuts: cutPattern({ normalizer, preTokenizer, matchers: [rawTokens, normalizedTokens] }),
  };
  const { tokenizerConfig } = spec;
  const postProcessor = overridePostProcessor(root.post_processor, tokenizerConfig);
  let aligned: AlignedEncoder | null = null;
  const align = (): AlignedEncoder =>
    new AlignedEncoder({
      rawTokens,
      normalizedTokens,
      model,
      normalize: createAlignedNormalizer(normalizer, `${file}: normalizer`),
      split: createAlignedPreTokenizer(preTokenizer, `${file}: pre_tokenizer`),
      trims: offsetTrims(postProcessor),
    });
  return {
    text: new TextEncoder(stages, options.pieces),
    templates: readTemplates(root.post_processor, `${file}: post_processor`),
    truncationSide: truncationSide(tokenizerConfig, root.truncation),
    aligned() {
      aligned ??= align();
      return aligned;
    },
  };
}

function parseFile(file: string): unknown {
  let text: string;
  try {
    if (!statSync(file).isFile()) failModel(file, 'it is not a file');
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    return cause instanceof RerankError ? failModel(file, cause.message) : failModel(file, 'the file cannot be read', cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    return failModel(file, 'the file is not valid JSON', cause);
  }
}

function addTokens(root: Json, spec: TokenizerSpec, model: TokenModel): AddedVocabulary {
  const vocabulary = new AddedVocabulary(model);
  const entries = readAddedTokens(root.added_tokens, `${spec.tokenizerFile}: added_tokens`);
  for (const { token } of entries) vocabulary.add(token);
  const contents = new Set(entries.map(({ token }) => token.content));
  for (const token of configuredTokens(spec.tokenizerConfig, (content) => contents.has(content))) vocabulary.add(token);
  return vocabulary;
}

function fuse(normalizer: unknown, preTokenizer: unknown, model: TokenModel): BertText | null {
  const isBert = isObject(normalizer) && normalizer.type === 'BertNormalizer';
  const splitsAsBert = isObject(preTokenizer) && preTokenizer.type === 'BertPreTokenizer';
  return isBert && splitsAsBert && model instanceof WordPiece ? new BertText(normalizer, model) : null;
}

/** tokenizer_config.json decides; else the truncation block that was saved with the tokenizer. */
function truncationSide(config: Json, truncation: unknown): TruncationSide {
  const side = config.truncation_side ?? (isObject(truncation) ? truncation.direction : null);
  return typeof side === 'string' && side.toLowerCase() === 'left' ? 'left' : 'right';
}

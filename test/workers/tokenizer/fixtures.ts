// Reading of the oracle's fixtures for the encoder tests.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type EncodedPair, PairEncoder, type PairEncoderSpec } from '../../../workers/pair-encoder.ts';
import type { LoadOptions } from '../../../workers/tokenizer/load.ts';
import { repoRoot } from '../../helpers/paths.ts';

const folder = `${repoRoot}/test/oracle/fixtures`;

type TextEntry = { readonly t: string } | { readonly unit: string; readonly times: number; readonly tail: string };

/** One recorded encoding: what the reference gave, or the error it raised. `a` and `b` index the texts. */
export interface EncodeCase {
  readonly a: number;
  readonly b: number;
  readonly maxLength: number;
  readonly ids?: readonly number[];
  readonly typeIds?: readonly number[] | null;
  readonly truncated?: boolean;
  readonly error?: { readonly type: string; readonly message: string };
}

export interface Fixture {
  readonly texts: readonly string[];
  readonly encode: readonly EncodeCase[];
}

/** Names of all recorded families. */
export function families(): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json.gz'))
    .map((name) => name.slice(0, -'.json.gz'.length));
}

export function readFixture(family: string): Fixture {
  const raw = JSON.parse(gunzipSync(readFileSync(`${folder}/${family}.json.gz`)).toString()) as {
    readonly texts: readonly TextEntry[];
    readonly encode: readonly EncodeCase[];
  };
  return {
    texts: raw.texts.map((entry) => ('t' in entry ? entry.t : entry.unit.repeat(entry.times) + entry.tail)),
    encode: raw.encode,
  };
}

function readJson(family: string, name: string): Record<string, unknown> | null {
  const path = `${folder}/models/${family}/${name}`;
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>) : null;
}

/** The spec of a family's model directory, as far as the encoder reads it. */
export function encoderSpec(family: string): PairEncoderSpec {
  const template = readJson(family, 'pair_template.json') as Record<string, string> | null;
  const piece = (...names: string[]): string => names.map((name) => template?.[name] ?? '').join('');
  return {
    tokenizerFile: `${folder}/models/${family}/tokenizer.json`,
    tokenizerConfig: readJson(family, 'tokenizer_config.json') ?? {},
    modelType: String(readJson(family, 'config.json')?.['model_type']),
    // sentence-transformers reads sentence_bert_config.json only where modules.json names its module.
    doLowerCase:
      readJson(family, 'modules.json') !== null && readJson(family, 'sentence_bert_config.json')?.['do_lower_case'] === true,
    maxLength: 8192,
    padTokenId: 0,
    pairTemplate:
      template === null
        ? null
        : {
            prefix: piece('prefix', 'query_prefix'),
            separator: piece('query_suffix', 'separator', 'document_prefix'),
            suffix: piece('document_suffix', 'suffix'),
          },
  };
}

export function familyEncoder(family: string, options: LoadOptions = {}, overrides: Partial<PairEncoderSpec> = {}): PairEncoder {
  return new PairEncoder({ ...encoderSpec(family), ...overrides }, options);
}

/** Encodes one pair. */
export function encodePair(encoder: PairEncoder, query: string, document: string, maxLength: number | null): EncodedPair {
  const batch = { queries: [query], documents: [document], pairs: new Uint32Array([0, 0]), encode: { maxLength }, cost: 1 };
  return encoder.encodeBatch(batch, () => false)![0]!;
}

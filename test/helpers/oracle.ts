// The recorded reference: outputs of sentence-transformers and transformers on the models of test/oracle/fixtures/models.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { repoRoot } from './paths.ts';

/** Activated scores, absolute. */
export const SCORE_TOLERANCE = 1e-5;

const FIXTURES = join(repoRoot, 'test', 'oracle', 'fixtures');

/** A text, or the recipe of a huge one: `unit` repeated, then `tail`. */
type OracleText = { readonly t: string } | { readonly unit: string; readonly times: number; readonly tail?: string };

export interface OracleFacts {
  readonly onnxPath: string;
  readonly maxLength: number;
  readonly usableMaxLength: number;
  readonly numLabels: number;
  readonly id2label: Readonly<Record<string, string>>;
  readonly padId: number;
  readonly paddingSide: string;
  readonly inputNames: readonly string[];
  readonly inputTypes: readonly string[];
  readonly outputShape: readonly (string | number)[];
  readonly activation: string;
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPromptName: string | null;
}

/** One recorded encoding: what the reference gave, or the error it raised. `a` and `b` index the texts. */
export interface OracleEncode {
  readonly a: number;
  readonly b: number;
  readonly maxLength: number;
  readonly ids?: readonly number[];
  readonly typeIds?: readonly number[] | null;
  readonly truncated?: boolean;
  readonly error?: { readonly type: string; readonly message: string };
}

export interface OracleScores {
  readonly pairs: readonly (readonly [number, number])[];
  readonly logits: readonly (readonly number[])[];
  readonly maxLength: number;
}

export interface OracleActivation {
  readonly activation: string;
  readonly applySoftmax: boolean;
  readonly pairs: readonly (readonly [number, number])[];
  readonly scores: readonly (number | readonly number[])[];
}

export interface OracleRanked {
  readonly corpus_id: number;
  readonly score: number;
  readonly text?: string;
}

export interface OracleRank {
  readonly query: number;
  readonly documents: readonly number[];
  readonly topK: number | null;
  readonly returnDocuments: boolean;
  readonly batchSize?: number;
  readonly prompt?: string;
  readonly promptName?: string;
  readonly activation?: string;
  readonly applySoftmax?: boolean;
  readonly results: readonly OracleRanked[];
}

export interface OracleError {
  readonly case: string;
  readonly call: { readonly batchSize?: number; readonly promptName?: string };
  readonly message: string;
}

export interface Oracle {
  readonly versions: Readonly<Record<string, string>>;
  readonly facts: OracleFacts;
  readonly texts: readonly OracleText[];
  readonly encode: readonly OracleEncode[];
  readonly scores: readonly OracleScores[];
  readonly activations: readonly OracleActivation[];
  readonly rank: readonly OracleRank[];
  readonly errors: readonly OracleError[];
}

/** Names of the recorded families; empty when the fixtures are absent, which the tests refuse. */
export function oracleFamilies(): string[] {
  return readdirSync(FIXTURES)
    .filter((name) => name.endsWith('.json.gz'))
    .map((name) => name.slice(0, -'.json.gz'.length))
    .sort();
}

export function oracleModel(family: string): string {
  return join(FIXTURES, 'models', family);
}

export function readOracle(family: string): Oracle {
  return JSON.parse(gunzipSync(readFileSync(join(FIXTURES, `${family}.json.gz`))).toString('utf8')) as Oracle;
}

/** The text behind an index of a fixture. */
export function oracleText({ texts }: Oracle, index: number): string {
  const text = texts[index];
  if (text === undefined) throw new Error(`the fixture has no text ${index}`);
  return 't' in text ? text.t : text.unit.repeat(text.times) + (text.tail ?? '');
}

/** Same documents in the same places with the same scores, except among documents whose reference scores are closer than the tolerance. */
export function assertRanking(actual: readonly OracleRanked[], expected: readonly OracleRanked[]): void {
  assert.equal(actual.length, expected.length);
  const reference = new Map(expected.map(({ corpus_id, score }) => [corpus_id, score]));
  actual.forEach(({ corpus_id, score }, place) => {
    const want = expected[place]!;
    assert.ok(Math.abs(score - want.score) <= SCORE_TOLERANCE, `place ${place}: ${score} instead of ${want.score}`);
    if (corpus_id === want.corpus_id) return;
    const own = reference.get(corpus_id) ?? Number.NaN;
    assert.ok(
      Math.abs(own - want.score) <= SCORE_TOLERANCE,
      `place ${place}: document ${corpus_id} instead of ${want.corpus_id}`,
    );
  });
}

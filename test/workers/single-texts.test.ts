// Texts that stand alone, with real models: logits of the tokenizer's own form for one text, as test/oracle/record_single.py recorded them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { loadModelSpec } from '../../src/model/model-spec.ts';
import { PLAIN_ENCODING } from '../../workers/pair-encoder.ts';
import { BatchScorer } from '../../workers/scorer.ts';
import { oracleModel } from '../helpers/oracle.ts';
import { repoRoot } from '../helpers/paths.ts';

interface Recorded {
  readonly texts: readonly string[];
  readonly families: Readonly<Record<string, { readonly lengths: readonly number[]; readonly logits: readonly number[] }>>;
}

const LOGIT_TOLERANCE = 1e-5; // relative to the larger of 1 and the value
const never = (): boolean => false;

const recorded: Recorded = JSON.parse(
  gunzipSync(readFileSync(join(repoRoot, 'test/oracle/fixtures/single/texts.json.gz'))).toString('utf8'),
);

test('the families of BERT and RoBERTa are recorded', () => {
  for (const family of ['bert', 'roberta', 'xlmr']) assert.ok(family in recorded.families, family);
});

for (const [family, { lengths, logits }] of Object.entries(recorded.families)) {
  test(`${family}: one text is encoded and scored as one text`, async () => {
    const spec = loadModelSpec(oracleModel(family), { id: null, onnxFile: null, maxLength: null, pairTemplate: null });
    const weights = { onnxFile: spec.onnxFile, dtype: 'float32', packed: false, check: null } as const;
    const scorer = await BatchScorer.open({ spec, weights, cpuMemArena: false });
    const { texts } = recorded;
    const pairs = Uint32Array.from(texts.flatMap((_, index) => [index, 0]));
    const batch = { prompt: '', queries: texts, documents: [null], pairs, encode: PLAIN_ENCODING, cost: 1 };
    const alone = await scorer.score(batch, never);
    const besideNothing = await scorer.score({ ...batch, documents: [''] }, never);
    await scorer.close();
    assert.deepEqual([...alone.tokenCounts], lengths);
    assert.deepEqual(
      texts.filter((_, index) => alone.truncated[index] === 1),
      [texts.at(-1)],
    );
    logits.forEach((want, index) => {
      const got = alone.logits[index]!;
      assert.ok(Math.abs(got - want) <= LOGIT_TOLERANCE * Math.max(1, Math.abs(want)), `${texts[index]}: ${got}, not ${want}`);
    });
    assert.ok(besideNothing.tokenCounts[0]! > lengths[0]!, 'an empty second text is another input');
  });
}

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { InferenceSession } from 'onnxruntime-node';
import { type CompileOptions, compileClassifier } from '../../../../src/model/onnx/architectures/compile.ts';
import {
  type CompiledCase,
  checkpointOf,
  compiledDirectory,
  compiledFamilies,
  compileFamily,
  largestDifference,
  openCompiled,
  readConfig,
  readFixture,
  scoreTexts,
} from '../../../helpers/compiled.ts';

/** Families whose configuration is there as transformers 5 writes it, too. */
const NEWER = compiledFamilies().filter((family) => existsSync(join(compiledDirectory(family), 'config-newer.json')));

/** Of logits, relative, against torch. */
const TOLERANCE = 1e-5;

/** Between two forms of one graph, relative to the largest logit: the same arithmetic in other shapes. */
const FORM_TOLERANCE = 1e-6;

async function scoreAlone(session: InferenceSession, cases: readonly CompiledCase[]): Promise<number[][]> {
  const rows: number[][] = [];
  for (const each of cases) rows.push(...(await scoreTexts(session, [each])));
  return rows;
}

function orderOf(rows: readonly (readonly number[])[]): number[] {
  return rows.map((_, i) => i).sort((a, b) => rows[b]![0]! - rows[a]![0]!);
}

for (const family of compiledFamilies()) {
  describe(family, () => {
    const { cases } = readFixture(family);
    const reference = cases.map(({ logits }) => logits);
    const open = async (t: TestContext, options: CompileOptions = {}): Promise<InferenceSession> =>
      openCompiled(t, compileFamily(family, options));

    test('gives the logits of torch, text by text, in their order', async (t) => {
      const logits = await scoreAlone(await open(t), cases);
      const difference = largestDifference(logits, reference);
      t.diagnostic(`largest relative difference ${difference.toExponential(1)}`);
      assert.ok(difference <= TOLERANCE, `${difference}`);
      assert.deepEqual(orderOf(logits), orderOf(reference));
    });

    test('gives them in padded runs too', async (t) => {
      const session = await open(t);
      const padding = Number(readConfig(family)['pad_token_id'] ?? 0);
      const logits: number[][] = [];
      for (let start = 0; start < cases.length; start += 5)
        logits.push(...(await scoreTexts(session, cases.slice(start, start + 5), padding)));
      const difference = largestDifference(logits, reference);
      assert.ok(difference <= TOLERANCE, `${difference}`);
    });

    test('without mask, and with the last layer for every token, the logits are the same', async (t) => {
      const full = await scoreAlone(await open(t, { everyToken: true }), cases);
      const maskless = await open(t, { maskless: true });
      assert.ok(!maskless.inputNames.includes('attention_mask'));
      const forms = [await scoreAlone(await open(t), cases), await scoreAlone(maskless, cases)];
      const largest = Math.max(...full.flat().map(Math.abs));
      for (const form of forms) {
        const difference = largestDifference(form, full, largest);
        assert.ok(difference <= FORM_TOLERANCE, `${difference}`);
      }
    });
  });
}

describe("transformers 5's configuration of the same model gives the same logits", () => {
  for (const family of NEWER) {
    test(family, async (t) => {
      const { cases } = readFixture(family);
      const config = readConfig(family, 'config-newer.json');
      const session = await openCompiled(t, compileClassifier(config, checkpointOf(family)));
      const logits = await scoreAlone(session, cases);
      const reference = cases.map((each) => each.logits);
      assert.ok(largestDifference(logits, reference) <= TOLERANCE);
    });
  }

  test('for families that scale rotary positions, slide or alternate', () => assert.ok(NEWER.length >= 8));
});

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { RerankError } from '../../../../src/errors.ts';
import {
  type CompiledCase,
  compiledFamilies,
  compileFamily,
  largestDifference,
  openCompiled,
  readConfig,
  readFixture,
} from '../../../helpers/compiled.ts';

type Feeds = Record<string, Tensor>;

function isCausal(family: string): boolean {
  return /^(llama|mistral|qwen|gemma)/.test(family) && !family.includes('bidirectional');
}

/** Sizes of a layer's keys, from the graph. */
function emptyPast(session: InferenceSession): Feeds {
  const past: Feeds = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor || !input.name.startsWith('past_')) continue;
    const [, heads, , size] = input.shape as [unknown, number, unknown, number];
    past[input.name] = new Tensor('float32', new Float32Array(0), [1, heads, 0, size]);
  }
  return past;
}

async function run(session: InferenceSession, ids: readonly number[], past: Feeds): Promise<Feeds> {
  const input_ids = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]);
  return (await session.run({ input_ids, ...past })) as Feeds;
}

/** Outputs of a run as the next run's past. */
function pastOf(outputs: Feeds): Feeds {
  const kept = Object.entries(outputs).filter(([name]) => name !== 'logits');
  return Object.fromEntries(kept.map(([name, tensor]) => [`past_${name}`, tensor]));
}

const causalFamilies = compiledFamilies().filter(isCausal);

describe('a text behind a beginning that was computed before has the logits of the whole', () => {
  for (const family of causalFamilies) {
    test(family, async (t: TestContext) => {
      const session = await openCompiled(t, compileFamily(family, { past: true }));
      const padding = readConfig(family)['pad_token_id'] ?? null;
      // A classifier looks for its token in what is run: it must not be in the beginning.
      const isWhole = ({ ids }: CompiledCase, start: number): boolean => ids.slice(start).some((id) => id !== padding);
      for (const each of readFixture(family).cases.filter(({ ids }) => ids.length > 1)) {
        for (const start of [0, 1, Math.floor(each.ids.length / 2), each.ids.length - 1].filter((at) => isWhole(each, at))) {
          const past =
            start === 0 ? emptyPast(session) : pastOf(await run(session, each.ids.slice(0, start), emptyPast(session)));
          const { logits } = await run(session, each.ids.slice(start), past);
          const difference = largestDifference([Array.from(logits!.data as Float32Array)], [each.logits]);
          assert.ok(difference <= 1e-5, `${each.ids.length} tokens from ${start}: ${difference}`);
        }
      }
    });
  }

  test('in all families that allow it', () => assert.ok(causalFamilies.length >= 14));
});

describe('models that see later tokens are refused', () => {
  for (const family of ['bert', 'modernbert', 'llama-bidirectional', 'ettin-modules']) {
    test(family, () =>
      assert.throws(
        () => compileFamily(family, { past: true }),
        (error) => error instanceof RerankError && /sees tokens that come later/.test(error.message),
      ),
    );
  }
});

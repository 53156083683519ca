import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RerankError } from '../../../../src/errors.ts';
import { compileCausalScorer, compileClassifier } from '../../../../src/model/onnx/architectures/compile.ts';
import { checkpointOf, compiledFamilies, readConfig, readFixture } from '../../../helpers/compiled.ts';

/** What people and attackers write where a number, a name or a list should be. */
const values = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    'x',
    [],
    {},
    [null],
    -1,
    0,
    0.5,
    3,
    7,
    2 ** 31,
    2 ** 53,
    1e308,
    '32',
    Number.MAX_SAFE_INTEGER,
  ),
  fc.constantFrom<unknown>(
    { rope_type: 'yarn' },
    { type: 'ntk', factor: 0 },
    { type: 'llama3' },
    { type: 'linear', factor: -1 },
    ['sliding_attention'],
  ),
  fc.jsonValue(),
);

describe('a changed configuration compiles or is refused as a file of the model', () => {
  for (const family of compiledFamilies().filter((name) => !name.endsWith('-modules'))) {
    test(family, () => {
      const [config, checkpoint, { trueFalse }] = [readConfig(family), checkpointOf(family), readFixture(family)];
      const change = fc.dictionary(fc.constantFrom(...Object.keys(config)), values, { minKeys: 1, maxKeys: 2 });
      fc.assert(
        fc.property(change, (changes) => {
          try {
            const changed = { ...config, ...changes };
            if (trueFalse === undefined) compileClassifier(changed, checkpoint);
            else compileCausalScorer(changed, checkpoint, { trueToken: trueFalse[0], falseToken: trueFalse[1] ?? null });
          } catch (error) {
            assert.ok(error instanceof RerankError && error.code === 'model_files', `${error}`);
          }
        }),
        { seed: 17, numRuns: 300 },
      );
    });
  }
});

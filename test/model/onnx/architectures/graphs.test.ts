import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { quantizeModel } from '../../../../src/model/onnx/quantize-model.ts';
import { compileFamily } from '../../../helpers/compiled.ts';
import { countOperations, optimize, temporaryDirectory, writeModel } from '../../../helpers/onnx-graph.ts';

/** Linear layers of the encoders, apart from the head. */
const PRODUCTS = { bert: 12, roberta: 12, modernbert: 21, qwen3: 14, 'deberta-v3': 12 };

describe('int8 takes every product with weights', () => {
  for (const [family, products] of Object.entries(PRODUCTS)) {
    test(family, async (t) => {
      const source = await writeModel(t, compileFamily(family));
      const report = await quantizeModel(source, join(temporaryDirectory(t), 'int8.onnx'), { reducedRange: false });
      assert.equal(report.matMuls, products);
      assert.deepEqual(
        report.kept.filter((each) => !each.endsWith('it depends on no input: the runtime computes it once')),
        [],
      );
    });
  }
});

test('weights are in the graph once, however many layers use them', () => {
  const names = compileFamily('albert').graph.initializer.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.equal(names.filter((name) => name.includes('attention.query.weight')).length, 1);
});

describe('the runtime makes of a graph', () => {
  test('the kernels it makes of an exported BERT', async (t) => {
    const counts = countOperations(await optimize(await writeModel(t, compileFamily('bert'))));
    const { BiasGelu, FusedMatMul, LayerNormalization, Softmax } = counts;
    assert.deepEqual(
      { BiasGelu, FusedMatMul, LayerNormalization, Softmax },
      { BiasGelu: 2, FusedMatMul: 2, LayerNormalization: 5, Softmax: 2 },
    );
    assert.equal(counts['Shape'], 1, 'shapes are computed once');
  });

  test("DeBERTa's tables of distances once, when it opens it", async (t) => {
    const model = compileFamily('deberta-v3');
    const counts = countOperations(await optimize(await writeModel(t, model)));
    // Two layers of six products, the scores of content and of two kinds of distance, and the weighted values; the last
    // layer multiplies its keys by their own distance only.
    assert.equal((counts['MatMul'] ?? 0) + (counts['FusedMatMul'] ?? 0), 2 * 6 + 2 * 4 - 1);
    assert.equal(countOperations(model)['MatMul'], 2 * 8 + 2 * 4 - 1, 'with those that project the tables');
  });
});

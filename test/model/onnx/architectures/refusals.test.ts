import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RerankError } from '../../../../src/errors.ts';
import { compileClassifier } from '../../../../src/model/onnx/architectures/compile.ts';
import type { Checkpoint } from '../../../../src/model/onnx/safetensors/checkpoint.ts';
import type { WeightTensor } from '../../../../src/model/onnx/safetensors/weight-tensor.ts';
import { checkpointOf, largestDifference, openCompiled, readConfig, readFixture, scoreTexts } from '../../../helpers/compiled.ts';

const BERT = { config: readConfig('bert'), checkpoint: checkpointOf('bert') };

function withTensors(change: (tensors: Map<string, WeightTensor>) => void): Checkpoint {
  const tensors = new Map(BERT.checkpoint.tensors);
  change(tensors);
  return { ...BERT.checkpoint, tensors };
}

function renamed(rename: (name: string) => string): Checkpoint {
  const tensors = [...BERT.checkpoint.tensors].map(([name, tensor]) => [rename(name), tensor] as const);
  return { ...BERT.checkpoint, tensors: new Map(tensors) };
}

function refuses(config: unknown, checkpoint: Checkpoint, message: RegExp): void {
  assert.throws(
    () => compileClassifier(config, checkpoint),
    (error) => {
      assert.ok(error instanceof RerankError && error.code === 'model_files', String(error));
      assert.match(error.message, message);
      return true;
    },
  );
}

describe('weights that do not fit are named', () => {
  const query = 'bert.encoder.layer.1.attention.self.query.weight';
  const any = BERT.checkpoint.tensors.get(query)!;

  test('missing', () => {
    const checkpoint = withTensors((tensors) => tensors.delete(query));
    refuses(
      BERT.config,
      checkpoint,
      /model\.safetensors: the weights 'bert\.encoder\.layer\.1\.attention\.self\.query\.weight' are missing/,
    );
  });

  test('missing with all their kind', () => {
    const checkpoint = withTensors((tensors) => tensors.delete('bert.embeddings.word_embeddings.weight'));
    refuses(BERT.config, checkpoint, /'bert\.embeddings\.word_embeddings\.weight' are missing/);
  });

  test('the head of a model that has none', () => {
    refuses(
      BERT.config,
      withTensors((tensors) => tensors.delete('classifier.weight')),
      /'classifier\.weight' are missing/,
    );
  });

  test('of another shape', () => {
    refuses(
      { ...BERT.config, vocab_size: 97 },
      BERT.checkpoint,
      /word_embeddings\.weight' are \[96,32\], but config\.json says \[97,32\]/,
    );
    refuses({ ...BERT.config, id2label: { 0: 'no', 1: 'yes' } }, BERT.checkpoint, /'classifier\.weight' are \[1,32\].*\[2,32\]/);
  });

  test('left over', () => {
    refuses(
      { ...BERT.config, num_hidden_layers: 1 },
      BERT.checkpoint,
      /no place for the weights bert\.encoder\.layer\.1\..* and 12 more/,
    );
    refuses(
      BERT.config,
      withTensors((tensors) => tensors.set('adapter.weight', any)),
      /no place for the weights adapter\.weight$/,
    );
  });

  test('but not those of other heads, and buffers', () => {
    const checkpoint = withTensors((tensors) => {
      for (const name of ['cls.predictions.bias', 'bert.embeddings.position_ids', 'cls.seq_relationship.weight'])
        tensors.set(name, any);
    });
    assert.ok(compileClassifier(BERT.config, checkpoint).graph.node.length > 0);
  });
});

describe('a configuration is refused', () => {
  const cases: Readonly<Record<string, readonly [change: Record<string, unknown>, message: RegExp]>> = {
    'of an architecture that is not known': [
      { architectures: ['T5ForSequenceClassification'] },
      /T5ForSequenceClassification is not known; known are .*BertFor/,
    ],
    'of no architecture': [{ architectures: null }, /\(none named\) is not known/],
    'of an activation that is not known': [{ hidden_act: 'quick_gelu' }, /activation 'quick_gelu' is not known; known are gelu,/],
    'of positions that are not known': [
      { position_embedding_type: 'relative_key' },
      /position_embedding_type 'relative_key' is not supported/,
    ],
    'of a size that is none': [{ hidden_size: '32' }, /hidden_size is "32", expected a whole number/],
    'of a size of nothing': [{ num_attention_heads: 0 }, /num_attention_heads is 0, expected a positive number/],
  };
  for (const [name, [change, message]] of Object.entries(cases)) {
    test(name, () => refuses({ ...BERT.config, ...change }, BERT.checkpoint, message));
  }

  test('that is no object', () => refuses([], BERT.checkpoint, /config\.json is no object/));
});

test('a NeoBERT whose layout is not the published one is told as that', () => {
  const config = { ...readConfig('neobert'), intermediate_size: 32 };
  refuses(config, checkpointOf('neobert'), /NeoBERT of another layout/);
});

describe('other names of the same weights give the same logits', () => {
  const names: Readonly<Record<string, (name: string) => string>> = {
    'without the prefix of the model': (name) => name.replace(/^bert\./, ''),
    "of TensorFlow's norms": (name) =>
      name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'),
  };
  for (const [name, rename] of Object.entries(names)) {
    test(name, async (t) => {
      const { cases } = readFixture('bert');
      const session = await openCompiled(t, compileClassifier(BERT.config, renamed(rename)));
      const logits = await scoreTexts(session, cases.slice(0, 6));
      assert.ok(
        largestDifference(
          logits,
          cases.slice(0, 6).map((each) => each.logits),
        ) <= 1e-5,
      );
    });
  }
});

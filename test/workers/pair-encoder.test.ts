// The pair encoder against the reference's recorded encodings, and its own promises.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { RerankError } from '../../src/errors.ts';
import type { PairBatch } from '../../src/protocol.ts';
import { PairEncoder, PLAIN_ENCODING } from '../../workers/pair-encoder.ts';
import type { LoadOptions } from '../../workers/tokenizer/load.ts';
import { type Oracle, type OracleEncode, oracleFamilies, oracleText, readOracle } from '../helpers/oracle.ts';
import { encodePair, encoderSpec, familyEncoder, PIECES } from './tokenizer/fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'crossrank-pair-encoder-'));
after(() => rmSync(folder, { recursive: true }));

test('fixtures of the reference exist', () => {
  assert.ok(oracleFamilies().length >= 12, `found ${oracleFamilies().join(', ')}`);
});

/** Why a case differs from what the reference recorded, or null. */
function difference(encoder: PairEncoder, oracle: Oracle, recorded: OracleEncode): string | null {
  const query = oracleText(oracle, recorded.a);
  const document = oracleText(oracle, recorded.b);
  const where = `limit ${recorded.maxLength}, texts ${recorded.a} and ${recorded.b}`;
  if (recorded.ids === undefined) {
    assert.throws(() => encodePair(encoder, query, document, recorded.maxLength), RerankError, where);
    return null;
  }
  const encoded = encodePair(encoder, query, document, recorded.maxLength);
  if (encoded.ids.join() !== recorded.ids.join()) return `${where}: ids`;
  if (recorded.typeIds && encoded.typeIds.join() !== recorded.typeIds.join()) return `${where}: type ids`;
  if (recorded.truncated !== undefined && encoded.truncated !== recorded.truncated) return `${where}: truncated`;
  return null;
}

/** Ways to encode that must not change an id; only BERT tokenizers have a way of their own to leave out. */
function variants(family: string): readonly (readonly [string, LoadOptions])[] {
  const pieces = [
    ['default pieces', {}],
    ['smallest pieces', { pieces: PIECES.smallest }],
    ['chunks of 3', { pieces: PIECES.chunks(3) }],
    ['chunks of 50', { pieces: PIECES.chunks(50) }],
  ] as const;
  return ['bert', 'bert-cased-zh', 'electra'].includes(family)
    ? [...pieces, ['stage by stage', { usesBertText: false }]]
    : pieces;
}

for (const family of oracleFamilies()) {
  describe(`family ${family}`, () => {
    const oracle = readOracle(family);
    const { encode } = oracle;
    for (const [name, options] of variants(family)) {
      test(`${encode.length} recorded encodings, ${name}`, () => {
        const encoder = familyEncoder(family, options);
        const differences = encode.map((recorded) => difference(encoder, oracle, recorded)).filter((found) => found !== null);
        assert.deepEqual(differences, []);
      });
    }
  });
}

describe('batches', () => {
  const batch: PairBatch = {
    prompt: '',
    queries: ['what is it?', 'where'],
    documents: ['Paris is big', 'Berlin', ''],
    pairs: new Uint32Array([0, 0, 1, 1, 0, 2, 1, 0]),
    encode: PLAIN_ENCODING,
    cost: 1,
  };

  test('pairs come in the order of the batch and equal single pairs', () => {
    const encoder = familyEncoder('bert');
    const encoded = encoder.encodeBatch(batch, () => false)!;
    const single = [0, 1, 2, 3].map((i) =>
      encodePair(encoder, batch.queries[batch.pairs[i * 2]!]!, batch.documents[batch.pairs[i * 2 + 1]!]!, null),
    );
    assert.deepEqual(
      encoded.map(({ rows, truncated }) => ({ ...rows[0]!, truncated })),
      single,
    );
  });

  test('a cancelled batch gives null, looked at before every pair', () => {
    const encoder = familyEncoder('bert');
    let looks = 0;
    assert.equal(
      encoder.encodeBatch(batch, () => ++looks === 3),
      null,
    );
    assert.equal(looks, 3);
  });

  test('truncated says whether a text lost tokens', () => {
    const encoder = familyEncoder('bert');
    const whole = encodePair(encoder, 'a b c', 'd e f', null);
    assert.equal(whole.truncated, false);
    assert.equal(encodePair(encoder, 'a b c', 'd e f', whole.ids.length).truncated, false);
    assert.equal(encodePair(encoder, 'a b c', 'd e f', whole.ids.length - 1).truncated, true);
  });

  test('the model limit is never exceeded', () => {
    const encoder = familyEncoder('bert', {}, { maxLength: 16 });
    for (const maxLength of [null, 100, 2, 0])
      assert.equal(encodePair(encoder, 'a b c d e f g '.repeat(9), 'h '.repeat(99), maxLength).ids.length, 16);
    assert.throws(() => encodePair(familyEncoder('bert', {}, { maxLength: 2 }), 'a', 'b', null), { code: 'validation' });
  });

  test('lone surrogates count as the replacement character', () => {
    const encoder = familyEncoder('roberta');
    assert.deepEqual(encodePair(encoder, 'a\ud800b', '\udc00', null), encodePair(encoder, 'a\ufffdb', '\ufffd', null));
  });
});

describe('truncation side', () => {
  test('a tokenizer that truncates on the left keeps the last tokens', () => {
    const spec = encoderSpec('bert');
    const left = new PairEncoder(
      { ...spec, tokenizerConfig: { ...spec.tokenizerConfig, truncation_side: 'left' } },
      { pieces: PIECES.smallest },
    );
    const document = 'one two three four five six seven eight nine ten '.repeat(40);
    const whole = encodePair(left, 'q', document, null).ids;
    const cut = encodePair(left, 'q', document, 32).ids;
    assert.deepEqual([...cut.slice(3)], [...whole.slice(-cut.length + 3)]);
  });
});

describe('broken files', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['no JSON', '{', /tokenizer\.json: the file is not valid JSON/],
    ['no model', '{"model":null}', /tokenizer\.json: model: an object is expected/],
    ['unknown model', '{"model":{"type":"Magic"}}', /unknown model type Magic/],
    [
      'unknown normalizer',
      '{"model":{"type":"WordLevel","vocab":{}},"normalizer":{"type":"Magic"}}',
      /normalizer: unknown normalizer Magic/,
    ],
    [
      'unknown pre_tokenizer',
      '{"model":{"type":"WordLevel","vocab":{}},"pre_tokenizer":{"type":"Magic"}}',
      /unknown pre_tokenizer Magic/,
    ],
    ['merge of unknown tokens', '{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}', /merges\[0\]: a token of the merge/],
    [
      'damaged charsmap',
      '{"model":{"type":"Unigram","vocab":[["a",0]]},"normalizer":{"type":"Precompiled","precompiled_charsmap":"AA"}}',
      /damaged/,
    ],
  ];
  for (const [name, content, message] of cases) {
    test(name, () => {
      const tokenizerFile = join(folder, 'tokenizer.json');
      writeFileSync(tokenizerFile, content);
      assert.throws(() => new PairEncoder({ ...encoderSpec('bert'), tokenizerFile }), { code: 'model_files', message });
    });
  }

  test('a missing file', () => {
    const spec = { ...encoderSpec('bert'), tokenizerFile: join(folder, 'nowhere.json') };
    assert.throws(() => new PairEncoder(spec), { code: 'model_files', message: /nowhere\.json: the file cannot be read/ });
  });
});

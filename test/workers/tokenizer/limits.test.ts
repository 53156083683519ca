// Values of tokenizer.json that would never end, fill the memory, or mean nothing: refused when it is loaded.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadTokenizer } from '../../../workers/tokenizer/load.ts';

const MODEL = { type: 'WordLevel', vocab: { '[UNK]': 0, a: 1, b: 2 }, unk_token: '[UNK]' };

function load(root: object): ReturnType<typeof loadTokenizer> {
  const directory = mkdtempSync(join(tmpdir(), 'crossrank-limits-'));
  try {
    const tokenizerFile = join(directory, 'tokenizer.json');
    writeFileSync(tokenizerFile, JSON.stringify({ model: MODEL, pre_tokenizer: { type: 'WhitespaceSplit' }, ...root }));
    return loadTokenizer({ tokenizerFile, tokenizerConfig: {}, modelType: 'x', doLowerCase: false });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function refused(root: object, message: RegExp): void {
  assert.throws(
    () => load(root),
    (error: Error & { code?: string }) => {
      assert.match(error.message, message);
      assert.ok(error.message.length < 800, `${error.message.length} characters`);
      return error.code === 'model_files';
    },
  );
}

const sequence = (length: number, stage: object): object => ({
  type: 'Sequence',
  normalizers: Array.from({ length }, () => stage),
});

test('pieces of no or of half a character', () => {
  for (const length of [0, -3, 0.5, 1e12, '5'])
    refused({ pre_tokenizer: { type: 'FixedLength', length } }, /pre_tokenizer\.length: a whole number from 1/);
  load({ pre_tokenizer: { type: 'FixedLength' } });
});

test('names that every object has are no stages', () => {
  for (const type of ['constructor', 'toString', '__proto__']) {
    refused({ pre_tokenizer: { type } }, /unknown pre_tokenizer/);
    refused({ normalizer: { type } }, /unknown normalizer/);
    refused({ pre_tokenizer: { type: 'Punctuation', behavior: type } }, /unknown behavior/);
  }
});

test('replacements that make megabytes of a character, and stages without end', () => {
  const doubled = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
  load({ normalizer: sequence(8, doubled) });
  refused({ normalizer: sequence(13, doubled) }, /can make more than 4096 characters of one/);
  refused({ normalizer: { type: 'Replace', pattern: { Regex: 'x*' }, content: 'a'.repeat(5000) } }, /more than 4096 characters/);
  refused({ normalizer: { type: 'Prepend', prepend: 'a'.repeat(2000) } }, /prepends more than 1024/);
  refused({ normalizer: sequence(101, { type: 'NFC' }) }, /more than 100 stages/);
  let nested: object = { type: 'NFC' };
  for (let i = 0; i < 500; i += 1) nested = { type: 'Sequence', normalizers: [nested] };
  refused({ normalizer: nested }, /more than 16 levels deep/);
  refused({ pre_tokenizer: { type: 'Metaspace', replacement: 'abc' } }, /replacement is not one character/);
});

test('a charsmap without zero bytes, or of more than 16 MiB', () => {
  const charsmap = (replacements: Buffer): object => {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(4);
    return { type: 'Precompiled', precompiled_charsmap: Buffer.concat([head, replacements]).toString('base64') };
  };
  load({ normalizer: charsmap(Buffer.from('a\0b\0')) });
  refused({ normalizer: charsmap(Buffer.alloc(300, 'a')) }, /a replacement too long/);
  refused({ normalizer: charsmap(Buffer.alloc(17 * 2 ** 20)) }, /at most 16777216 are read/);
});

test('ids, scores and words of the models', () => {
  refused({ model: { ...MODEL, vocab: { a: 1e9 } } }, /a token id is expected, 0 to 16777215/);
  refused({ model: { ...MODEL, vocab: { a: -1 } } }, /a token id is expected/);
  refused({ model: { ...MODEL, vocab: { ['a'.repeat(5000)]: 1 } } }, /a token has 5000 characters/);
  const unigram = (vocab: unknown, more = {}): object => ({ model: { type: 'Unigram', vocab, ...more } });
  refused(unigram([['a', 1e300]]), /a score is expected/);
  for (const id of [1, -1, 0.5, '0']) refused(unigram([['a', 0]], { unk_id: id }), /unk_id: a whole number from 0 to 0/);
  const pieces = { type: 'WordPiece', vocab: { '[UNK]': 0 }, unk_token: '[UNK]' };
  for (const words of [-1, 0.5, 1e300])
    refused({ model: { ...pieces, max_input_chars_per_word: words } }, /max_input_chars_per_word: a whole number from 0/);
  refused({ model: { type: 'BPE', vocab: { a: 0 }, merges: ['a b'] } }, /a token of the merge is not in the vocabulary/);
  refused({ model: { type: 'x'.repeat(10_000) } }, /unknown model type x/);
});

test('templates hold each text at most once, and few special tokens', () => {
  const text = (id: string): object => ({ Sequence: { id, type_id: 0 } });
  const processor = (pair: object[], ids: number[] = [1]): object => ({
    post_processor: {
      type: 'TemplateProcessing',
      single: [text('A')],
      pair,
      special_tokens: { s: { id: 's', ids, tokens: ids.map(String) } },
    },
  });
  load(processor([text('A'), text('B')]));
  refused(processor([text('A'), text('A'), text('B')]), /pair: A is in it more than once/);
  refused(processor([text('A'), text('B'), text('B')]), /pair: B is in it more than once/);
  const special = { SpecialToken: { id: 's', type_id: 0 } };
  refused(
    processor(
      [text('A'), special, text('B')],
      Array.from({ length: 300 }, () => 1),
    ),
    /more than 256 special tokens/,
  );
});

test('sixty thousand added tokens keep their ids', () => {
  const count = 60_000;
  const added = Array.from({ length: count }, (_, i) => ({ id: i + 3, content: `<${i}>`, special: true }));
  const { text } = load({ added_tokens: added });
  assert.deepEqual([...text.encode(`a <${count - 1}>`, 10, 'right')], [1, count + 2]);
});

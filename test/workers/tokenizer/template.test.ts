// Templates of every kind of post_processor.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTemplates, type Template } from '../../../workers/tokenizer/template.ts';

/** `[CLS]:0 A:0 ...` as `101:0 A:0 ...`. */
function show({ parts }: Template): string {
  return parts.map((part) => `${part.kind === 'ids' ? part.ids.join('+') : part.kind}:${part.typeId}`).join(' ');
}

const bert = { type: 'BertProcessing', sep: ['[SEP]', 102], cls: ['[CLS]', 101] };
const roberta = { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0], trim_offsets: true, add_prefix_space: false };
const special = (id: string, type_id: number): object => ({ SpecialToken: { id, type_id } });
const sequence = (id: string, type_id: number): object => ({ Sequence: { id, type_id } });
const processing = {
  type: 'TemplateProcessing',
  single: [special('[CLS]', 0), sequence('A', 0)],
  pair: [special('[TWO]', 3), sequence('B', 1), special('[CLS]', 2), sequence('A', 0)],
  special_tokens: {
    '[CLS]': { id: '[CLS]', ids: [7], tokens: ['[CLS]'] },
    '[TWO]': { id: '[TWO]', ids: [8, 9], tokens: ['x', 'y'] },
  },
};

test('BertProcessing', () => {
  const { single, pair } = readTemplates(bert, 'file');
  assert.equal(show(single), '101:0 A:0 102:0');
  assert.equal(show(pair), '101:0 A:0 102:0 B:1 102:1');
  assert.equal(pair.specialTokens, 3);
});

test('RobertaProcessing puts two separators between and has one type', () => {
  const { pair } = readTemplates(roberta, 'file');
  assert.equal(show(pair), '0:0 A:0 2:0 2:0 B:0 2:0');
  assert.equal(pair.specialTokens, 4);
});

test('TemplateProcessing: document first, specials of several ids', () => {
  const { single, pair } = readTemplates(processing, 'file');
  assert.equal(show(single), '7:0 A:0');
  assert.equal(show(pair), '8+9:3 B:1 7:2 A:0');
  assert.equal(pair.specialTokens, 3);
});

test('a pair template that omits a part', () => {
  const { pair } = readTemplates({ ...processing, pair: [sequence('B', 0)] }, 'file');
  assert.equal(show(pair), 'B:0');
});

test('no processor, or ByteLevel alone, adds nothing', () => {
  for (const config of [null, undefined, { type: 'ByteLevel' }, { type: 'Sequence', processors: [{ type: 'ByteLevel' }] }]) {
    assert.equal(show(readTemplates(config, 'file').pair), 'A:0 B:1');
  }
});

test('a sequence is the one processor in it that adds tokens', () => {
  const { pair } = readTemplates({ type: 'Sequence', processors: [{ type: 'ByteLevel' }, roberta] }, 'file');
  assert.equal(show(pair), show(readTemplates(roberta, 'file').pair));
  assert.throws(() => readTemplates({ type: 'Sequence', processors: [bert, roberta] }, 'file'), { code: 'model_files' });
});

test('what cannot be read names the place', () => {
  assert.throws(() => readTemplates({ ...processing, special_tokens: {} }, 'file'), {
    message: /file\.pair\[0\]|file\.single\[0\]/,
  });
  assert.throws(() => readTemplates({ type: 'Magic' }, 'file'), { message: 'file: unknown post_processor Magic' });
});

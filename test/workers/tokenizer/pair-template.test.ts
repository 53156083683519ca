// Literal text around query and document.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FitRule } from '../../../workers/fit-pair.ts';
import { loadTokenizer } from '../../../workers/tokenizer/load.ts';
import { TemplateEncoder } from '../../../workers/tokenizer/pair-template.ts';
import { encoderSpec } from './fixtures.ts';

const spec = encoderSpec('pair-template');
const tokenizer = loadTokenizer(spec);
const flat = (pieces: readonly Int32Array[]): number[] => pieces.flatMap((piece) => [...piece]);
const ruleOf = (budget: number): FitRule => ({
  budget,
  side: 'right',
  maxDocumentTokens: Number.POSITIVE_INFINITY,
  chunking: null,
});
const QUERIES = ['', 'what?', ' spaced ', 'ends\n', '\u0301combining', '中文', '12 34'];

test('ids of a pair that fits are those of the whole text, whatever the borders', () => {
  // The last two templates join words over their borders, so parts of them cannot be encoded alone.
  const templates = [
    spec.pairTemplate!,
    { prefix: 'Query', separator: 'Document', suffix: 'end' },
    { prefix: 'a ', separator: ' b', suffix: '' },
  ];
  for (const template of templates) {
    const encoder = new TemplateEncoder(tokenizer, template);
    for (const query of QUERIES) {
      for (const document of QUERIES) {
        const {
          rows: [pieces],
          truncated,
        } = encoder.encode(query, document, ruleOf(4096));
        const text = template.prefix + query + template.separator + document + template.suffix;
        assert.deepEqual(flat(pieces!), [...tokenizer.text.encode(text, Number.POSITIVE_INFINITY)], text);
        assert.equal(truncated, false);
      }
    }
  }
});

test('the literal text stays when a pair is too long', () => {
  const encoder = new TemplateEncoder(tokenizer, spec.pairTemplate!);
  const { rows, truncated } = encoder.encode('word '.repeat(200), 'text '.repeat(200), ruleOf(9));
  const [pieces] = rows;
  assert.equal(flat(pieces!).length + encoder.frame.specialTokens, encoder.fixedTokens + 9);
  assert.equal(truncated, true);
  assert.equal(pieces![3]!.length, 5);
});

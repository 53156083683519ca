// Patterns of model files: those of known tokenizers are taken, those that can go back without end are refused when a model is loaded.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PairEncoder } from '../../../workers/pair-encoder.ts';
import { compilePattern } from '../../../workers/tokenizer/regex.ts';
import { encoderSpec } from './fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'crossrank-patterns-'));
after(() => rmSync(folder, { recursive: true }));

const CASELESS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const BEFORE = '[^\\r\\n\\p{L}\\p{N}]?';
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

const LINEAR: Readonly<Record<string, string>> = {
  gpt2: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  cl100k: `${CASELESS}|${BEFORE}\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`,
  qwen: `${CASELESS}|${BEFORE}\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`,
  o200k: `${BEFORE}${UPPER}*${LOWER}+${CASELESS}?|${BEFORE}${UPPER}+${LOWER}*${CASELESS}?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`,
  deepseek: `[!-/:-~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|${SPACES}`,
  bloom: ' ?[^(\\s|[.,!?…。，、।۔،])]+',
  spaces: ' {2,}',
  words: '\\w+|[^\\w\\s]+',
  digit: '\\d',
  group: '(?:ab|cd)?e',
  start: '^ ',
};

for (const [name, source] of Object.entries(LINEAR))
  test(`${name} is linear`, () => {
    assert.ok(compilePattern({ Regex: source }, name) instanceof RegExp);
  });

const HOSTILE = [
  '(a+)+$',
  '(a|a)*b',
  '(?:a*)*',
  'a*a*b',
  'a+$',
  '\\s+$',
  'a.*b|a',
  'a+b|a|a+',
  'a+b|c|[ab]+',
  '(?=(a+)+b)',
  '(a)\\1+b',
  'a+?b',
  'x{0,99}y{0,99}z',
  '(?:(?:a{0,30}){0,30}){0,30}b',
];

for (const source of HOSTILE)
  test(`${source} is refused`, () => {
    assert.throws(() => compilePattern({ Regex: source }, 'here'), {
      code: 'model_files',
      message: /^here: the pattern .* linear/,
    });
  });

for (const stage of ['pre_tokenizer', 'normalizer'] as const) {
  test(`a model whose ${stage} may never come back is refused with its file and pattern`, () => {
    const spec = encoderSpec('bert');
    const root = JSON.parse(readFileSync(spec.tokenizerFile, 'utf8')) as Record<string, unknown>;
    const pattern = { Regex: '(a+)+$' };
    root[stage] =
      stage === 'normalizer' ? { type: 'Replace', pattern, content: '' } : { type: 'Split', pattern, behavior: 'Isolated' };
    const tokenizerFile = join(folder, `${stage}.json`);
    writeFileSync(tokenizerFile, JSON.stringify(root));
    assert.throws(() => new PairEncoder({ ...spec, tokenizerFile }), {
      code: 'model_files',
      message: new RegExp(`${stage}\\.json: ${stage}.*"\\(a\\+\\)\\+\\$"`),
    });
  });
}

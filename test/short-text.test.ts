import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_ECHO_LENGTH, shorten } from '../src/short-text.ts';

test('a short text stays, a long one is its beginning', () => {
  assert.equal(shorten('x'.repeat(MAX_ECHO_LENGTH)), 'x'.repeat(MAX_ECHO_LENGTH));
  assert.equal(shorten('x'.repeat(MAX_ECHO_LENGTH + 1)), `${'x'.repeat(MAX_ECHO_LENGTH)}...`);
  assert.equal(shorten('abcdef', 3), 'abc...');
});

test('no character is cut in half', () => {
  assert.equal(shorten('ab\u{1f43c}cd', 3), 'ab...');
  assert.equal(shorten('ab\u{1f43c}cd', 4), 'ab\u{1f43c}...');
});

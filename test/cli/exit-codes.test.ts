import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConsole, errorLines } from '../../src/cli/console.ts';
import { CommandError, EXIT_CODES, exitCodesHelp, exitOf } from '../../src/cli/exit-codes.ts';
import { RerankError } from '../../src/errors.ts';
import { progressLine } from '../../src/progress-bar.ts';

test('codes are different, and the help names them all', () => {
  const codes = Object.values(EXIT_CODES).map(({ code }) => code);
  assert.equal(new Set(codes).size, codes.length);
  for (const { code, meaning } of Object.values(EXIT_CODES))
    assert.match(exitCodesHelp(), new RegExp(`  ${code} +${meaning.slice(0, 10)}`));
});

test('every failure has its exit', () => {
  assert.equal(exitOf(new CommandError('input', 'x')), 'input');
  assert.equal(exitOf(new RerankError('config', 'x')), 'usage');
  assert.equal(exitOf(new RerankError('validation', 'x')), 'usage');
  assert.equal(exitOf(new RerankError('model_files', 'x')), 'model');
  assert.equal(exitOf(new RerankError('inference', 'x')), 'failure');
  assert.equal(exitOf(new TypeError('x')), 'failure');
});

test('an error is one line; verbose adds stack and causes; a bug always shows its stack', () => {
  const error = new CommandError('input', 'cannot read x', { cause: new Error('ENOENT') });
  assert.deepEqual(errorLines(error, false), ['crossrank: cannot read x']);
  const verbose = errorLines(error, true);
  assert.ok(verbose.some((line) => /^crossrank: {5}at /.test(line)) && verbose.includes('crossrank: caused by: ENOENT'));
  assert.ok(errorLines(new TypeError('bug'), false).length > 1);
  assert.deepEqual(errorLines(new RerankError('config', 'one\ntwo'), false), ['crossrank: one', 'crossrank: two']);
});

test('the console drops everything but errors when quiet', () => {
  const lines: string[] = [];
  const stream = { write: (text: string) => lines.push(text) } as unknown as NodeJS.WritableStream;
  for (const quiet of [true, false]) {
    const logger = createConsole({ quiet, stream });
    logger.error('e', { code: 7 });
    logger.warn('w');
    logger.info('i');
    logger.debug('d');
  }
  assert.deepEqual(lines, ['crossrank: e code=7\n', 'crossrank: e code=7\n', 'crossrank: warning: w\n', 'crossrank: i\n']);
});

test('progress without a total has no bar and no time left', () => {
  assert.equal(progressLine('Pairs', 50, null, 2000), 'Pairs 50 [2.0 s, 25/s]');
  assert.equal(
    progressLine('Pairs', 50, 100, 2000),
    `Pairs  50%|${'█'.repeat(15)}${' '.repeat(15)}| 50/100 [2.0 s, 25/s, 2.0 s left]`,
  );
});

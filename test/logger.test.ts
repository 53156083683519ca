// Log lines: JSON for machines, one readable line for people, errors without stacks unless debugging.

import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { RerankError } from '../src/errors.ts';
import { createLogger, type Logger, type LoggerOptions } from '../src/logger.ts';

test('JSON lines hold level, message, time and the fields of all parents', () => {
  const { logger, lines } = capture({ json: true });
  logger.child({ request_id: 'r' }).child({ a: 1 }).info('done', { b: 'two words', gone: undefined });
  const { time, ...line } = JSON.parse(lines[0]!);
  assert.deepEqual(line, { request_id: 'r', a: 1, b: 'two words', level: 'info', message: 'done' });
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('fields cannot take the place of level or message', () => {
  const { logger, lines } = capture({ json: true });
  logger.warn('real', { message: 'fake', level: 'error' });
  const line = JSON.parse(lines[0]!);
  assert.deepEqual([line.level, line.message], ['warn', 'real']);
});

test('readable lines quote what could break them', () => {
  const { logger, lines } = capture({ json: false });
  logger.info('request', { path: '/rank', status: 200, id: 'a b', evil: 'x\nstatus=500', list: [1] });
  assert.match(
    lines[0]!,
    /^\d\d:\d\d:\d\d\.\d{3} info {2}request {2}path=\/rank status=200 id="a b" evil="x\\nstatus=500" list=\[1\]\n$/,
  );
});

test('colour goes to the level only', () => {
  const { logger, lines } = capture({ json: false, colour: true });
  logger.error('bad');
  assert.ok(lines[0]!.includes('\u001b[31merror\u001b[39m bad'));
});

test('levels below the chosen one are silent', () => {
  const { logger, lines } = capture({ level: 'warn' });
  logger.debug('d');
  logger.info('i');
  logger.warn('w');
  logger.error('e');
  assert.equal(lines.length, 2);
});

test('errors show name, message, code and cause; the stack only at debug', () => {
  const error = new RerankError('inference', 'no', { cause: new TypeError('deep') });
  const plain = capture({ json: true });
  plain.logger.error('failed', { error });
  const shown = { name: 'RerankError', message: 'no', code: 'inference', cause: { name: 'TypeError', message: 'deep' } };
  assert.deepEqual(JSON.parse(plain.lines[0]!).error, shown);
  const debugging = capture({ json: true, level: 'debug' });
  debugging.logger.error('failed', { error });
  assert.match(JSON.parse(debugging.lines[0]!).error.stack, /logger\.test/);
});

test('a line below the level is not built', () => {
  const { logger, lines } = capture({ level: 'info' });
  const touchy = {
    get error(): never {
      throw new Error('the field was read');
    },
  };
  logger.debug('no', touchy);
  logger.child({ a: 1 }).debug('no', () => assert.fail('the fields were made'));
  logger.info('yes', () => ({ made: 1 }));
  assert.deepEqual([lines.length, JSON.parse(lines[0]!).made], [1, 1]);
});

test('an error of any size, with causes without end, is one short line', () => {
  const { logger, lines } = capture({ level: 'debug' });
  const error = new Error('m'.repeat(10_000_000));
  error.name = 'n'.repeat(10_000_000);
  error.cause = error;
  Object.assign(error, { code: 'c'.repeat(10_000_000) });
  logger.error('failed', { error });
  assert.ok(lines[0]!.length < 100_000, String(lines[0]!.length));
});

function capture(options: Partial<LoggerOptions>): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { logger: createLogger({ level: 'info', json: true, colour: false, stream, ...options }), lines };
}

// Lists are read no further than the first few problems, and what nobody asks for is not looked at.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { RerankError } from '../../src/errors.ts';
import { contentText, documentForm, sentDocument } from '../../src/http/dialects/shared/documents.ts';
import { lenientBody, strictBody } from '../../src/http/dialects/shared/fields.ts';
import { type Form, listOf, stringForm } from '../../src/http/dialects/shared/reading.ts';
import { parseBody } from '../../src/http/dialects/shared/validation.ts';

/** Counts how many entries are looked at. */
function counting<Value>(form: Form<Value>): Form<Value> & { count: number } {
  const counted = {
    ...form,
    count: 0,
    read: (given: unknown) => {
      counted.count += 1;
      return form.read(given);
    },
  };
  return counted;
}

function failure(schema: z.ZodType, body: unknown, known: readonly string[] = []): RerankError {
  try {
    parseBody(schema, body, known);
  } catch (error) {
    assert.ok(error instanceof RerankError);
    return error;
  }
  return assert.fail('the body was taken');
}

test('a wrong list is read up to its fourth problem', () => {
  const form = counting(stringForm());
  const error = failure(lenientBody({ list: listOf(form, { error: 'must be a list' }) }), { list: Array(100_000).fill(0) });
  assert.equal(form.count, 4);
  assert.equal(error.message, 'list[0] must be a string; list[1] must be a string; list[2] must be a string; and more');
  assert.equal(error.field, 'list.0');
  assert.equal((error.cause as z.ZodError).issues.length, 4);
});

test('a list that is too short or too long is not read at all', () => {
  const form = counting(stringForm());
  const bounds = { min: { entries: 2, error: 'too few' }, max: { entries: 3, error: 'too many' } };
  const schema = lenientBody({ list: listOf(form, { error: 'must be a list' }, bounds) });
  assert.equal(failure(schema, { list: ['a'] }).message, 'list too few');
  assert.equal(failure(schema, { list: Array(9).fill(0) }).message, 'list too many');
  assert.equal(form.count, 0);
  assert.deepEqual(parseBody(schema, { list: ['a', 'b'] }), { list: ['a', 'b'] });
});

test('a list is documented as a list of what its form documents', () => {
  const bounds = { max: { entries: 5, error: 'x' } };
  const { $schema: _, ...written } = z.toJSONSchema(listOf(stringForm(), { error: 'x' }, bounds), { io: 'input' });
  assert.deepEqual(written, { type: 'array', maxItems: 5, items: { type: 'string' } });
});

/** An object whose other fields must not be touched. */
function untouchable(fields: object): object {
  return Object.defineProperty(fields, 'other', { enumerable: true, get: () => assert.fail('the field was read') });
}

test('the fields of documents, and unknown fields of bodies, are not looked at', () => {
  const document = untouchable({ text: 'a' });
  assert.equal(documentForm('wrong').read(document), 'a');
  assert.equal(sentDocument.read(document), document, 'no copy');
  const fields = { list: listOf(documentForm('wrong'), { error: 'x' }) };
  assert.deepEqual(parseBody(lenientBody(fields), untouchable({ list: [document] })), { list: ['a'] });
  const strict = strictBody({ list: fields.list });
  assert.throws(() => parseBody(strict, { list: [], nobody: 1 }, ['list']), {
    message: "unknown field 'nobody'",
    field: 'nobody',
  });
});

test('of names without end only a few are named, each by its beginning', () => {
  const body = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`${index}${'x'.repeat(100_000)}`, 0]));
  const error = failure(strictBody({ a: z.string().nullish() }), body, ['a']);
  assert.ok(error.message.length < 300, String(error.message.length));
  assert.match(error.message, /; and more$/);
  assert.ok(error.field!.length < 100);
});

test('parts of a content are read up to the first that is no text', () => {
  let count = 0;
  const parts = new Proxy(Array(1000).fill({ type: 'image_url' }), {
    get: (target, key, receiver) => {
      if (typeof key === 'string' && /^\d+$/.test(key)) count += 1;
      return Reflect.get(target, key, receiver);
    },
  });
  assert.equal(contentText({ content: parts }), null);
  assert.equal(count, 1);
  assert.equal(
    contentText({
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    }),
    'a\nb',
  );
});

// Long documents against transformers' recorded encodings: truncation on either side, documents cut alone, windows; then our own rules.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Chunking, EncodeOptions } from '../../src/protocol.ts';
import { chunkWindows, sharedTokens } from '../../workers/chunk-windows.ts';
import type { EncodedPair, PairEncoder } from '../../workers/pair-encoder.ts';
import { PIECE_SIZES } from '../../workers/tokenizer/text-encoder.ts';
import { repoRoot } from '../helpers/paths.ts';
import { encodeRows, familyEncoder, PIECES } from './tokenizer/fixtures.ts';

interface Recorded {
  readonly query: number;
  readonly document: number;
  readonly side: 'left' | 'right';
}

interface RecordedFamily {
  readonly truncations: readonly (Recorded & { readonly maxLength: number; readonly ids: readonly number[] })[];
  readonly cutDocuments: readonly (Recorded & { readonly maxTokensPerDocument: number; readonly ids: readonly number[] })[];
  readonly windows: readonly (Recorded & {
    readonly maxLength: number;
    readonly overlap: number;
    readonly rows: readonly (readonly number[])[];
  })[];
}

interface Fixture {
  readonly queries: readonly string[];
  readonly documents: readonly string[];
  readonly families: Readonly<Record<string, RecordedFamily>>;
}

const fixture = JSON.parse(
  gunzipSync(readFileSync(join(repoRoot, 'test/oracle/fixtures/long/documents.json.gz'))).toString('utf8'),
) as Fixture;

const LONG = 'one two three four five six seven eight nine ten '.repeat(40);
const ALL: Chunking = { overlap: { share: 0.25 }, maxChunks: null };

function sharing(tokens: number, maxChunks: number | null = null): Chunking {
  return { overlap: { tokens }, maxChunks };
}

function idsOf({ rows }: EncodedPair): number[][] {
  return rows.map(({ ids }) => [...ids]);
}

/** Recorded cases whose rows differ from ours. */
function differing<Case extends Recorded>(
  encoder: PairEncoder,
  cases: readonly Case[],
  expected: (recorded: Case) => readonly (readonly number[])[],
  options: (recorded: Case) => Partial<EncodeOptions>,
): Case[] {
  return cases.filter((recorded) => {
    const query = fixture.queries[recorded.query]!;
    const document = fixture.documents[recorded.document]!;
    const encoded = encodeRows(encoder, query, document, { truncationSide: recorded.side, ...options(recorded) });
    return JSON.stringify(idsOf(encoded)) !== JSON.stringify(expected(recorded));
  });
}

for (const [family, { truncations, cutDocuments, windows }] of Object.entries(fixture.families)) {
  describe(`family ${family} as transformers`, () => {
    for (const [pieces, sizes] of Object.entries({
      ordinary: PIECE_SIZES,
      smallest: PIECES.smallest,
      chunks: PIECES.chunks(7),
    })) {
      const encoder = familyEncoder(family, { pieces: sizes });

      test(`${truncations.length} pairs, the side named by the call, ${pieces} pieces`, () => {
        assert.ok(truncations.length > 100);
        assert.deepEqual(
          differing(
            encoder,
            truncations,
            ({ ids }) => [ids],
            ({ maxLength }) => ({ maxLength }),
          ),
          [],
        );
      });

      test(`${cutDocuments.length} documents cut alone, ${pieces} pieces`, () => {
        assert.deepEqual(
          differing(
            encoder,
            cutDocuments,
            ({ ids }) => [ids],
            ({ maxTokensPerDocument }) => ({ maxTokensPerDocument }),
          ),
          [],
        );
      });

      test(`${windows.length} documents in windows (stride, overflowing tokens), ${pieces} pieces`, () => {
        assert.ok(windows.length > 100);
        assert.deepEqual(
          differing(
            encoder,
            windows,
            ({ rows }) => rows,
            ({ maxLength, overlap }) => ({ maxLength, chunking: sharing(overlap) }),
          ),
          [],
        );
      });
    }
  });
}

describe('what a pair holds', () => {
  const encoder = familyEncoder('bert');

  test('the first chunk is the pair that truncation would score, whatever the query', () => {
    for (const truncationSide of ['left', 'right'] as const) {
      for (const query of ['q', 'a b c d e f', 'why not '.repeat(30), LONG]) {
        for (const maxLength of [16, 33, 128]) {
          const whole = encodeRows(encoder, query, LONG, { truncationSide, maxLength });
          const chunked = encodeRows(encoder, query, LONG, { truncationSide, maxLength, chunking: ALL });
          assert.ok(chunked.rows.length > 1);
          assert.deepEqual(chunked.rows[0], whole.rows[0]);
          for (const row of chunked.rows) assert.ok(row.ids.length <= maxLength);
        }
      }
    }
  });

  test('a document in chunks is truncated only when a bound or a long query cut tokens', () => {
    const truncated = (query: string, options: Partial<EncodeOptions>): boolean =>
      encodeRows(encoder, query, LONG, { maxLength: 64, ...options }).truncated;
    assert.equal(truncated('q', {}), true);
    assert.equal(truncated('q', { chunking: ALL }), false);
    assert.equal(truncated('q', { chunking: { ...ALL, maxChunks: 2 } }), true);
    assert.equal(truncated('q', { chunking: ALL, maxTokensPerDocument: 90 }), true);
    assert.equal(truncated(LONG, { chunking: ALL }), true);
  });

  test('a document that fits is one row, and so is an empty one', () => {
    for (const document of ['', 'short text']) {
      const encoded = encodeRows(encoder, 'q', document, { maxLength: 64, chunking: ALL });
      assert.deepEqual(encoded, encodeRows(encoder, 'q', document, { maxLength: 64 }));
      assert.equal(encoded.truncated, false);
    }
  });

  test('max_chunks keeps the first chunks, the last of the text when truncation is on the left', () => {
    for (const truncationSide of ['left', 'right'] as const) {
      const all = idsOf(encodeRows(encoder, 'q', LONG, { truncationSide, maxLength: 64, chunking: sharing(7) }));
      for (const maxChunks of [1, 2, 3, 1000]) {
        const chunking = sharing(7, maxChunks);
        const some = idsOf(encodeRows(encoder, 'q', LONG, { truncationSide, maxLength: 64, chunking }));
        assert.deepEqual(some, all.slice(0, maxChunks));
      }
    }
  });

  test('max_tokens_per_doc bounds the whole document before it is split', () => {
    for (const truncationSide of ['left', 'right'] as const) {
      const options = { truncationSide, maxLength: 44, chunking: sharing(0) };
      const all = encodeRows(encoder, 'q', LONG, options);
      const some = encodeRows(encoder, 'q', LONG, { ...options, maxTokensPerDocument: 100 });
      assert.deepEqual(some.rows.slice(0, 2), all.rows.slice(0, 2));
      assert.deepEqual(
        some.rows.map(({ ids }) => ids.length - 4),
        [40, 40, 20],
      );
    }
  });

  test('max_tokens_per_doc with a query that is too long as well: the document counts as what is left of it', () => {
    for (const maxLength of [16, 17, 64, 65]) {
      for (const count of [1, 5, 20, 31, 200]) {
        const { rows, truncated } = encodeRows(encoder, LONG, LONG, { maxLength, maxTokensPerDocument: count });
        assert.equal(rows[0]!.ids.length, maxLength);
        const documentTokens = rows[0]!.typeIds.reduce((sum, typeId) => sum + typeId, 0) - 1;
        assert.equal(documentTokens, Math.min(count, Math.floor((maxLength - 3) / 2)));
        assert.equal(truncated, true);
      }
    }
  });

  test('an overlap above half of the limit is refused, whatever the texts; a long query makes it smaller', () => {
    const refused = { code: 'validation', field: 'chunk_overlap' };
    assert.throws(() => encodeRows(encoder, 'q', 'd', { maxLength: 43, chunking: sharing(21) }), refused);
    const { rows } = encodeRows(encoder, LONG, LONG, { maxLength: 43, chunking: sharing(20) });
    assert.deepEqual(rows[0]!.ids.slice(-11, -1), rows[1]!.ids.slice(22, 32));
  });

  test('no room for a document leaves one cut row', () => {
    const { rows, truncated } = encodeRows(encoder, LONG, LONG, { maxLength: 3, chunking: ALL });
    assert.deepEqual([rows.length, rows[0]!.ids.length, truncated], [1, 3, true]);
  });

  test('ten megabytes cut to a few tokens on either side take no longer than a few tokens', () => {
    const huge = 'one two three four '.repeat(550_000);
    const started = performance.now();
    for (const truncationSide of ['left', 'right'] as const) {
      const chunking = { ...ALL, maxChunks: 3 };
      assert.equal(encodeRows(encoder, 'q', huge, { truncationSide, maxLength: 64, chunking }).rows.length, 3);
      encodeRows(encoder, 'q', huge, { truncationSide, maxLength: 64, maxTokensPerDocument: 50 });
    }
    assert.ok(performance.now() - started < 2000);
  });
});

describe('pair templates', () => {
  const encoder = familyEncoder('pair-template');
  const maxLength = encoder.specialTokens + 24;

  test('every chunk stands in the literal text', () => {
    for (const truncationSide of ['left', 'right'] as const) {
      const whole = encodeRows(encoder, 'what?', LONG, { truncationSide, maxLength });
      const chunked = encodeRows(encoder, 'what?', LONG, { truncationSide, maxLength, chunking: ALL });
      assert.deepEqual(chunked.rows[0], whole.rows[0]);
      assert.ok(chunked.rows.length > 20);
      assert.deepEqual([whole.truncated, chunked.truncated], [true, false]);
    }
  });

  test('a document above max_tokens_per_doc is cut though the pair would fit', () => {
    const { rows, truncated } = encodeRows(encoder, 'what?', LONG, { maxTokensPerDocument: 5 });
    const [short] = encodeRows(encoder, 'what?', 'one', {}).rows;
    assert.ok(rows[0]!.ids.length < short!.ids.length + 6);
    assert.equal(truncated, true);
    assert.equal(encodeRows(encoder, 'what?', 'one', { maxTokensPerDocument: 5 }).truncated, false);
  });
});

describe('windows', () => {
  test('cover every id in order, share what they should, and stay below twice the work', () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 400 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 0, max: 80 }),
      fc.constantFrom('left' as const, 'right' as const),
      (count, size, tokens, side) => {
        const ids = Int32Array.from({ length: count }, (_, i) => i);
        const { windows, isComplete } = chunkWindows(ids, size, side, sharing(tokens));
        const shared = sharedTokens(size, { tokens });
        const ordered = side === 'right' ? windows : windows.toReversed();
        assert.equal(isComplete, true);
        assert.deepEqual([...new Set(ordered.flatMap((window) => [...window]))], [...ids]);
        for (let i = 1; i < ordered.length; i += 1) assert.ok(ordered[i - 1]!.at(-1)! - ordered[i]![0]! + 1 === shared);
        assert.ok(windows.reduce((sum, window) => sum + window.length, 0) <= 2 * count + size);
      },
    );
    fc.assert(property);
  });

  test('a quarter of the window by default', () => {
    assert.deepEqual(
      [1, 4, 40, 509].map((size) => sharedTokens(size, { share: 0.25 })),
      [0, 1, 10, 127],
    );
  });
});

// Tokens with their places against what tokenizers 0.22.2 recorded (test/oracle/record_offsets.py), and against the ids that are scored.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { TextTokens } from '../../../src/protocol.ts';
import { tokenizeText } from '../../../workers/text-tokens.ts';
import { type LoadedTokenizer, loadTokenizer } from '../../../workers/tokenizer/load.ts';
import { UNENDING } from '../../../workers/tokenizer/work.ts';
import { repoRoot } from '../../helpers/paths.ts';
import { encoderSpec } from './fixtures.ts';

interface RecordedTokens {
  readonly ids: readonly number[];
  /** Start and stop of every token, characters. */
  readonly offsets: readonly number[];
  /** Special tokens around the text: place, id, name. */
  readonly frame: readonly (readonly [place: number, id: number, name: string])[];
}

const FOLDER = join(repoRoot, 'test/oracle/fixtures/offsets');

function read<Content>(name: string): Content {
  return JSON.parse(gunzipSync(readFileSync(join(FOLDER, `${name}.json.gz`))).toString('utf8'));
}

const texts = read<readonly string[]>('texts');
const families = readdirSync(FOLDER)
  .map((file) => file.replace('.json.gz', ''))
  .filter((name) => name !== 'texts');

function tokens(tokenizer: LoadedTokenizer, text: string, addSpecialTokens: boolean): TextTokens {
  return tokenizeText(tokenizer, text, addSpecialTokens, UNENDING);
}

/** Byte -> the character that begins there; the end of the text too. */
function characters(text: string): Map<number, number> {
  const places = new Map([[0, 0]]);
  let bytes = 0;
  for (const [index, char] of [...text].entries()) {
    bytes += Buffer.byteLength(char);
    places.set(bytes, index + 1);
  }
  return places;
}

test('every kind of tokenizer is recorded', () => {
  assert.ok(texts.length > 350, `${texts.length} texts`);
  for (const family of ['bert', 'bert-cased-zh', 'mpnet', 'roberta', 'modernbert', 'albert', 'deberta-v2', 'xlmr'])
    assert.ok(families.includes(family), family);
});

for (const family of families) {
  describe(`family ${family}`, () => {
    const tokenizer = loadTokenizer(encoderSpec(family));
    const { encodings } = read<{ readonly encodings: readonly RecordedTokens[] }>(family);

    test('ids and offsets are those of the reference', () => {
      const differences = texts.filter((text, index) => {
        const { ids, offsets } = encodings[index]!;
        const { ids: ours, starts, stops } = tokens(tokenizer, text, false);
        const places = characters(text);
        const ourOffsets = Array.from(ours).flatMap((_, i) => [places.get(starts[i]!), places.get(stops[i]!)]);
        return ids.join() !== ours.join() || offsets.join() !== ourOffsets.join();
      });
      assert.deepEqual(differences, []);
    });

    test('special tokens stand around the text, and nowhere in it', () => {
      for (const [index, text] of texts.entries()) {
        const { ids, starts, stops, texts: names } = tokens(tokenizer, text, true);
        const places = Array.from(starts.keys()).filter((i) => starts[i] === -1);
        assert.deepEqual(
          places.map((i) => [i, ids[i], names[i]]),
          encodings[index]!.frame,
          text,
        );
        assert.ok(places.every((i) => stops[i] === -1));
        assert.equal(ids.length, encodings[index]!.ids.length + places.length);
      }
    });

    test('ids are those that are scored, and texts the bytes of their places', () => {
      for (const text of texts) {
        const { ids, starts, stops, texts: shown } = tokens(tokenizer, text, false);
        assert.equal(ids.join(), tokenizer.text.encode(text, Number.POSITIVE_INFINITY).join(), text);
        const bytes = Buffer.from(text);
        shown.forEach((part, i) => {
          assert.equal(part, bytes.toString('utf8', starts[i], stops[i]));
        });
      }
    });
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CorpusOptions, countDocuments, englishWords, makeCorpus, PAIR_TOKENS } from '../../bench/corpus.ts';
import { syntheticVocabulary, syntheticWords } from '../../bench/models/vocabulary.ts';

const OPTIONS: CorpusOptions = { requests: 40, documents: 50, words: syntheticWords(5000), style: 'words', seed: 'test' };

function wordCount(text: string): number {
  return text.split(' ').length;
}

test('the same seed gives the same texts, another seed others', () => {
  assert.deepEqual(makeCorpus(OPTIONS), makeCorpus(OPTIONS));
  assert.notDeepEqual(makeCorpus(OPTIONS), makeCorpus({ ...OPTIONS, seed: 'other' }));
});

test('queries have 5 to 15 words, and pairs are log-normal within their bounds', () => {
  const corpus = makeCorpus(OPTIONS);
  assert.equal(countDocuments(corpus), 2000);
  for (const { query } of corpus) assert.ok(wordCount(query) >= 5 && wordCount(query) <= 15, query);
  const tokens = corpus.flatMap(({ query, documents }) => documents.map((each) => wordCount(query) + wordCount(each) + 3));
  assert.ok(Math.min(...tokens) >= PAIR_TOKENS.low);
  assert.ok(Math.max(...tokens) <= PAIR_TOKENS.high);
  const logs = tokens.map((count) => Math.log(count));
  const mean = logs.reduce((sum, each) => sum + each, 0) / logs.length;
  const deviation = Math.sqrt(logs.reduce((sum, each) => sum + (each - mean) ** 2, 0) / logs.length);
  // The bounds cut both tails off, so the spread is a little narrower than drawn.
  assert.ok(Math.abs(mean - Math.log(PAIR_TOKENS.median)) < 0.1, `mean ${mean}`);
  assert.ok(deviation > 0.65 && deviation < PAIR_TOKENS.sigma, `deviation ${deviation}`);
});

test('a request may have a drawn number of documents', () => {
  const counts = makeCorpus({ ...OPTIONS, documents: [1, 4] }).map(({ documents }) => documents.length);
  assert.deepEqual([...new Set(counts)].sort(), [1, 2, 3, 4]);
});

test('prose has sentences, and words that are no single token', () => {
  const words = ['alpha', 'beta', 'gamma', 'delta'];
  const [request] = makeCorpus({ ...OPTIONS, requests: 1, documents: 20, words, style: 'prose' });
  const text = request!.documents.join(' ');
  assert.match(text, /^[A-Z]/);
  assert.match(text, /[a-z]\. [A-Z]/);
  const spoken = text.toLowerCase().match(/[a-z]+/g)!;
  assert.ok(spoken.some((word) => !words.includes(word)));
});

test('English words of a vocabulary are its whole lower-case words', () => {
  assert.deepEqual(englishWords({ '[PAD]': 0, the: 1, '##ing': 2, a: 3, é: 4, Berlin: 5, house: 6 }), ['the', 'house']);
});

test('the synthetic vocabulary has BERT places for special tokens and no word twice', () => {
  const vocabulary = syntheticVocabulary(30522);
  const ids = Object.values(vocabulary);
  assert.equal(ids.length, 30522);
  assert.deepEqual(
    ids,
    ids.map((_, index) => index),
  );
  assert.equal(vocabulary['[PAD]'], 0);
  assert.equal(vocabulary['[CLS]'], 101);
  assert.ok(syntheticWords(30522).every((word) => /^[a-z]{4,6}$/.test(word)));
});

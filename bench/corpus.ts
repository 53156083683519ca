// Pure: the fixed corpus. Queries of 5-15 words, pairs whose token counts are log-normal, everything seeded.

import { between, normal, seedOf, uniform } from './random.ts';

/** One rerank call. */
export interface CorpusRequest {
  readonly query: string;
  readonly documents: readonly string[];
}

export interface CorpusOptions {
  readonly requests: number;
  /** Documents of each request; a pair of numbers draws between them. */
  readonly documents: number | readonly [low: number, high: number];
  /** Words to draw from. */
  readonly words: readonly string[];
  /** `words`: every word is one token of its vocabulary. `prose`: capitals, punctuation, and words the tokenizer has to split. */
  readonly style: 'words' | 'prose';
  readonly seed: string;
}

/** Tokens of a pair, special tokens included: log-normal around the median, drawn again outside the bounds. */
export const PAIR_TOKENS = { median: 80, sigma: 0.8, low: 10, high: 400 } as const;

const QUERY_WORDS = { low: 5, high: 15 } as const;

/** [CLS], [SEP] and [SEP]. */
const SPECIAL_TOKENS = 3;

/** Share of words in prose that are two words written as one. */
const COMPOUNDS = 0.1;

/** Words of a sentence in prose. */
const SENTENCE = { low: 6, high: 20 } as const;

/** Same options, same texts, on every machine. */
export function makeCorpus({ requests, documents, words, style, seed }: CorpusOptions): CorpusRequest[] {
  const next = uniform(seedOf(seed));
  const gauss = normal(seedOf(`${seed} lengths`));
  const write = style === 'words' ? plainText : prose;
  return Array.from({ length: requests }, () => {
    const queryWords = between(next, QUERY_WORDS.low, QUERY_WORDS.high);
    const count = typeof documents === 'number' ? documents : between(next, documents[0], documents[1]);
    return {
      query: write(words, queryWords, next),
      documents: Array.from({ length: count }, () => {
        const tokens = pairTokens(gauss, queryWords + SPECIAL_TOKENS + 1);
        return write(words, tokens - queryWords - SPECIAL_TOKENS, next);
      }),
    };
  });
}

/** Documents of all requests. */
export function countDocuments(corpus: readonly CorpusRequest[]): number {
  return corpus.reduce((sum, { documents }) => sum + documents.length, 0);
}

/** @param least a pair cannot be shorter than its query and one word */
function pairTokens(gauss: () => number, least: number): number {
  const low = Math.max(PAIR_TOKENS.low, least);
  for (;;) {
    const tokens = Math.round(PAIR_TOKENS.median * Math.exp(PAIR_TOKENS.sigma * gauss()));
    if (tokens >= low && tokens <= PAIR_TOKENS.high) return tokens;
  }
}

function pick(words: readonly string[], next: () => number): string {
  return words[Math.floor(next() * words.length)]!;
}

function plainText(words: readonly string[], count: number, next: () => number): string {
  return Array.from({ length: count }, () => pick(words, next)).join(' ');
}

/** About `count` tokens: a compound costs one more, punctuation one each. */
function prose(words: readonly string[], count: number, next: () => number): string {
  let text = '';
  let sentenceLeft = 0;
  for (let left = count; left > 0; left -= 1) {
    let word = pick(words, next);
    if (next() < COMPOUNDS && left > 1) {
      word += pick(words, next);
      left -= 1;
    }
    if (sentenceLeft <= 0) {
      text += text === '' ? capitalised(word) : `. ${capitalised(word)}`;
      sentenceLeft = between(next, SENTENCE.low, SENTENCE.high);
      left -= 1;
    } else text += ` ${word}`;
    sentenceLeft -= 1;
  }
  return text;
}

function capitalised(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}

/** Whole lower-case English words of a WordPiece vocabulary. @param vocabulary token -> id */
export function englishWords(vocabulary: Readonly<Record<string, number>>): string[] {
  return Object.keys(vocabulary).filter((token) => /^[a-z]{2,}$/.test(token));
}

// Okapi BM25 as the quality baseline: k1 1.2, b 0.75, idf = ln(1 + (N - df + 0.5) / (df + 0.5)) over the candidates of a set.

const WORD = /[a-z0-9]+|[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff]+|[^\P{L}a-z0-9]+|[^\P{N}a-z0-9]+/gu;
const CJK = /^[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff]/;

const K1 = 1.2;
const B = 0.75;

interface IndexedText {
  readonly frequencies: ReadonlyMap<string, number>;
  readonly norm: number;
}

/** Lower-cased words; runs of CJK characters become character bigrams, a lone one stays single. */
export function tokenize(text: string): string[] {
  return [...text.toLowerCase().matchAll(WORD)].flatMap(([word]) => {
    if (!CJK.test(word) || word.length === 1) return [word];
    return Array.from({ length: word.length - 1 }, (_, i) => word.slice(i, i + 2));
  });
}

export class Bm25 {
  readonly #documentFrequency = new Map<string, number>();
  readonly #indexed = new Map<string, IndexedText>();
  readonly #count: number;
  readonly #meanLength: number;

  constructor(texts: readonly string[]) {
    this.#count = texts.length;
    const lengths = texts.map((text) => {
      const tokens = tokenize(text);
      for (const token of new Set(tokens)) this.#documentFrequency.set(token, (this.#documentFrequency.get(token) ?? 0) + 1);
      return tokens.length;
    });
    this.#meanLength = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length);
  }

  score(query: string, text: string): number {
    const { frequencies, norm } = this.#index(text);
    let score = 0;
    for (const token of tokenize(query)) {
      const frequency = frequencies.get(token);
      if (frequency !== undefined) score += (this.#idf(token) * frequency * (K1 + 1)) / (frequency + norm);
    }
    return score;
  }

  #idf(token: string): number {
    const df = this.#documentFrequency.get(token) ?? 0;
    return Math.log(1 + (this.#count - df + 0.5) / (df + 0.5));
  }

  #index(text: string): IndexedText {
    const known = this.#indexed.get(text);
    if (known !== undefined) return known;
    const tokens = tokenize(text);
    const frequencies = new Map<string, number>();
    for (const token of tokens) frequencies.set(token, (frequencies.get(token) ?? 0) + 1);
    const indexed = { frequencies, norm: K1 * (1 - B + (B * tokens.length) / this.#meanLength) };
    this.#indexed.set(text, indexed);
    return indexed;
  }
}

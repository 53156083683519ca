// Pure: a synthetic WordPiece vocabulary of whole words, so that a text of n words is exactly n tokens.

/** Special tokens where bert-base-uncased has them. */
export const SPECIAL_IDS = { '[PAD]': 0, '[UNK]': 100, '[CLS]': 101, '[SEP]': 102, '[MASK]': 103 } as const;

const FIRST_WORD = 104;
const CONSONANTS = 'bcdfghjklmnprstvwxyz';
const VOWELS = 'aeiou';

/** Words of the vocabulary, in the order of their ids, from the first id after the special tokens. */
export function syntheticWords(size: number): string[] {
  return Array.from({ length: size - FIRST_WORD }, (_, index) => word(index));
}

/** Token -> id, `size` entries; the ids between the special tokens are `[unusedN]`, as in BERT. */
export function syntheticVocabulary(size: number): Record<string, number> {
  const entries = new Map<number, string>(Object.entries(SPECIAL_IDS).map(([token, id]) => [id, token]));
  for (let id = 1; id < SPECIAL_IDS['[UNK]']; id += 1) entries.set(id, `[unused${id - 1}]`);
  syntheticWords(size).forEach((text, index) => {
    entries.set(FIRST_WORD + index, text);
  });
  return Object.fromEntries([...entries].sort(([a], [b]) => a - b).map(([id, token]) => [token, id]));
}

/** `index` in base 100, a syllable a digit, two at least: the ten thousand shortest words have two syllables. */
function word(index: number): string {
  const base = CONSONANTS.length * VOWELS.length;
  let text = '';
  for (let rest = index, digits = 0; rest > 0 || digits < 2; digits += 1) {
    const digit = rest % base;
    text += CONSONANTS[Math.floor(digit / VOWELS.length)]! + VOWELS[digit % VOWELS.length]!;
    rest = Math.floor(rest / base);
  }
  return text;
}

/** `tokenizer.json` of a lower-casing WordPiece tokenizer with BERT's template. */
export function tokenizerJson(size: number): object {
  const { '[CLS]': cls, '[SEP]': sep } = SPECIAL_IDS;
  const special = (id: string, typeId: number): object => ({ SpecialToken: { id, type_id: typeId } });
  const sequence = (id: string, typeId: number): object => ({ Sequence: { id, type_id: typeId } });
  const single = [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: Object.entries(SPECIAL_IDS).map(([content, id]) => addedToken(content, id)),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, sequence('B', 1), special('[SEP]', 1)],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [cls], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [sep], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: syntheticVocabulary(size),
    },
  };
}

function addedToken(content: string, id: number): object {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}

"""Owns the vocabulary of crossrank-small: MiniLM's pieces that matter here, new words, and Chinese characters.

The pieces are numbered anew, special tokens first, so that everything else of the pipeline is shared with
crossrank-mini. Traditional characters carry the number of their simplified form; full width becomes half width.
"""

import json
import os
import re
from collections import Counter

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from corpus import SPECIALS, pair_template, read_pairs
from start_weights import read_vocabulary

VOCAB_SIZE = 30_000  # with six layers the file stays within 25 MB; below 2**15, which the bigram keys need
NEW_WORDS = 600
NEW_WORD_COUNT = 60  # occurrences in the counted text
CHARACTER_COUNT = 4
SAMPLE = 3  # every third pair is counted
PIECES = 6  # of a new word at most, whose mean it starts from
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
WORD = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\w\s]|_")


def normalizer():
    """Full and half width are one; lower case, no accents, every Chinese character a word of its own."""
    bert = normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=True)
    return normalizers.Sequence([normalizers.NFKC(), bert])


def simplified_forms():
    """Traditional character to simplified character, one to one, of the whole basic plane."""
    import opencc

    converter = opencc.OpenCC("t2s")
    forms = {chr(code): converter.convert(chr(code)) for code in range(0x3400, 0xA000)}
    return {character: form for character, form in forms.items() if form != character and len(form) == 1}


def count_words(texts, forms):
    """Occurrences of every word, sign and (simplified) Chinese character."""
    normal, counts = normalizer(), Counter()
    for text in texts:
        counts.update(WORD.findall(normal.normalize_str(text)))
    for character in [word for word in counts if word in forms]:
        counts[forms[character]] += counts.pop(character)
    return counts


def split_word(word, vocabulary):
    """Greedy WordPiece of one word, longest piece first; empty when a part is not in the vocabulary."""
    pieces, begin = [], 0
    while begin < len(word):
        prefix = "##" if begin else ""
        end = next((end for end in range(len(word), begin, -1) if prefix + word[begin:end] in vocabulary), 0)
        if not end:
            return []
        pieces.append(prefix + word[begin:end])
        begin = end
    return pieces


def choose(counts, vocabulary, forms, size):
    """`(pieces of the start vocabulary, new words, new characters)` of the extended vocabulary.

    Single characters of the start vocabulary that the text holds stay whatever their count: without them whole words
    would become unknown.
    """
    seen, words = Counter(), {}
    for word, count in counts.items():
        pieces = split_word(word, vocabulary)
        seen.update({piece: count for piece in pieces})
        if 1 < len(pieces) <= PIECES and count >= NEW_WORD_COUNT and word.isalpha():
            words[word] = count * (len(pieces) - 1)
    words = sorted(words, key=lambda word: (-words[word], word))[:NEW_WORDS]
    characters = [word for word, count in counts.items() if HAN.match(word) and count >= CHARACTER_COUNT and word not in vocabulary]
    room = size - len(SPECIALS) - len(words) - len(characters)
    candidates = [piece for piece in vocabulary if piece not in SPECIALS and piece not in forms and not piece.startswith("[unused")]
    alone = lambda piece: len(piece.removeprefix("##")) == 1 and seen[piece] > 0
    rank = lambda piece: (not alone(piece) and not piece.removeprefix("##").isascii(), not alone(piece), -seen[piece], vocabulary[piece])
    kept = sorted(sorted(candidates, key=rank)[:room], key=vocabulary.get)
    return kept, words, sorted(characters)


def write(data_dir, start_dir, path, size=VOCAB_SIZE):
    """Writes `rows.npy` beside the path (see `start_rows`), then the tokenizer."""
    vocabulary, forms = read_vocabulary(start_dir), simplified_forms()
    texts = (text for number, pair in enumerate(read_pairs(data_dir)) if number % SAMPLE == 0 for text in (pair["q"], pair["p"]))
    kept, words, characters = choose(count_words(texts, forms), vocabulary, forms, size)
    pieces = SPECIALS + kept + words + characters
    np.save(os.path.join(os.path.dirname(path), "rows.npy"), start_rows(pieces, vocabulary, forms))
    print(f"  {len(kept):,} pieces of MiniLM, {len(words)} new words, {len(characters):,} new characters", flush=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tokenizer_form(pieces, forms), file, ensure_ascii=False, indent=1)


def start_rows(pieces, vocabulary, forms):
    """For every piece the MiniLM ids whose mean starts its row, int32 `[pieces, PIECES]`, -1 for none."""
    traditional = {form: character for character, form in forms.items() if character in vocabulary}
    rows = np.full((len(pieces), PIECES), -1, np.int32)
    for number, piece in enumerate(pieces):
        parts = [piece] if piece in vocabulary else split_word(piece, vocabulary) or [traditional.get(piece)]
        if parts[0]:
            rows[number, : len(parts)] = [vocabulary[part] for part in parts]
    return rows


def tokenizer_form(pieces, forms):
    """`tokenizer.json` over these pieces; a traditional character is a second name of its simplified form.

    A second name in the vocabulary costs nothing when a text is split, and every WordPiece reader understands it.
    """
    numbers = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = pair_template()
    tokenizer.add_special_tokens(SPECIALS)
    written = json.loads(tokenizer.to_str())
    names = {character: numbers[form] for character, form in forms.items() if form in numbers}
    written["model"]["vocab"] = numbers | names
    return written


def vocabulary_size(tokenizer):
    """Rows of the word table; the second names do not count."""
    return max(tokenizer.get_vocab().values()) + 1

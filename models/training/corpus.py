"""Owns the training corpus on disk: reads the shards, trains the tokenizer, writes token memory maps."""

import glob
import gzip
import json
import os

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
VOCAB_SIZE = 22000
MAX_PASSAGE_TOKENS = 480
MAX_QUERY_TOKENS = 96
KINDS = ["qa", "heading", "cloze"]


def read_pairs(data_dir):
    """Yields every training pair of the shards, in shard order."""
    for path in sorted(glob.glob(os.path.join(data_dir, "train", "*.jsonl.gz"))):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def train_tokenizer(data_dir, path):
    """Trains a lower-casing WordPiece with CJK split into characters on a third of the pairs."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCAB_SIZE, special_tokens=SPECIALS, limit_alphabet=7000, min_frequency=3, show_progress=False
    )

    def texts():
        for number, pair in enumerate(read_pairs(data_dir)):
            if number % 3 == 0:
                yield pair["q"]
                yield pair["p"]

    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.post_processor = pair_template()
    tokenizer.save(path)


def pair_template():
    """Query and document in one sequence, as BERT has it."""
    return processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )


class TokenList:
    """Token id lists of variable length in one flat uint16 memory map."""

    def __init__(self, path):
        self.flat = np.load(path + ".ids.npy", mmap_mode="r")
        self.starts = np.load(path + ".starts.npy")

    def __len__(self):
        return len(self.starts) - 1

    def __getitem__(self, index):
        return np.asarray(self.flat[self.starts[index] : self.starts[index + 1]])


def _write_tokens(tokenizer, texts, limit, path):
    ids, lengths = [], []
    for begin in range(0, len(texts), 20000):
        for encoding in tokenizer.encode_batch_fast(texts[begin : begin + 20000], add_special_tokens=False):
            row = np.array(encoding.ids[:limit], dtype=np.uint16)
            ids.append(row)
            lengths.append(len(row))
        print(f"  tokenised {min(begin + 20000, len(texts)):,} of {len(texts):,}", flush=True)
    np.save(path + ".ids.npy", np.concatenate(ids))
    np.save(path + ".starts.npy", np.concatenate([[0], np.cumsum(lengths)]))


def tokenise(data_dir, work_dir, pairs_path):
    """Writes `queries` and `passages` (distinct texts) under `work_dir`, then the table of pairs."""
    tokenizer = Tokenizer.from_file(os.path.join(work_dir, "tokenizer.json"))
    passages, queries, columns, sources = {}, [], [], {}
    for pair in read_pairs(data_dir):
        passage = passages.setdefault(pair["p"], len(passages))
        source = sources.setdefault(pair["src"], len(sources))
        queries.append(pair["q"])
        columns.append((passage, KINDS.index(pair["kind"]), pair["lang"] == "zh", source))
    table = np.array(columns, dtype=np.int32)
    _write_tokens(tokenizer, list(passages), MAX_PASSAGE_TOKENS, os.path.join(work_dir, "passages"))
    _write_tokens(tokenizer, queries, MAX_QUERY_TOKENS, os.path.join(work_dir, "queries"))
    np.savez(
        pairs_path,
        passage=table[:, 0], kind=table[:, 1], zh=table[:, 2], source=table[:, 3], sources=np.array(list(sources)),
    )


class Corpus:
    """The tokenised training data: pair i asks `queries[i]` of `passages[passage[i]]`."""

    def __init__(self, work_dir):
        self.queries = TokenList(os.path.join(work_dir, "queries"))
        self.passages = TokenList(os.path.join(work_dir, "passages"))
        pairs = np.load(os.path.join(work_dir, "pairs.npz"))
        self.passage, self.kind, self.zh, self.source = (pairs[name] for name in ("passage", "kind", "zh", "source"))
        self.sources = [str(name) for name in pairs["sources"]]

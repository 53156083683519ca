"""Owns the lexical vocabulary shared by mining and model: unigram ids and hashed bigrams, with their rarity."""

import numpy as np

# A bigram (a, b) is the int32 key a * 2**15 + b; its weight lives in bucket key % BIGRAM_BUCKETS.
BIGRAM_BASE = 1 << 15
BIGRAM_BUCKETS = 130987
FIRST_TOKEN = 5  # ids below are the special tokens


def bigram_buckets(ids):
    """Buckets of the adjacent pairs of one token list, `[len(ids) - 1]`."""
    wide = ids.astype(np.int32)
    return (wide[:-1] * BIGRAM_BASE + wide[1:]) % BIGRAM_BUCKETS


def document_rows(token_lists, indices):
    """Flat tokens of the chosen lists and the row number of each token."""
    parts = [token_lists[i] for i in indices]
    rows = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return np.concatenate(parts).astype(np.int32), rows


def row_terms(flat, rows, vocab_size):
    """(term, row) of every unigram and of every bigram inside one row; bigram terms follow the vocabulary."""
    inside = rows[:-1] == rows[1:]
    keys = (flat[:-1][inside] * BIGRAM_BASE + flat[1:][inside]) % BIGRAM_BUCKETS
    return np.concatenate([flat, keys + vocab_size]), np.concatenate([rows, rows[:-1][inside]])


def inverse_document_frequency(token_lists, vocab_size, sample, seed=0):
    """Robertson idf of every term over a sample of passages, float32 `[vocab_size + BIGRAM_BUCKETS]`."""
    chosen = np.random.default_rng(seed).permutation(len(token_lists))[:sample]
    frequency = np.zeros(vocab_size + BIGRAM_BUCKETS)
    for begin in range(0, len(chosen), 20000):
        terms, rows = row_terms(*document_rows(token_lists, np.sort(chosen[begin : begin + 20000])), vocab_size)
        unique = np.unique(rows.astype(np.int64) * len(frequency) + terms)
        frequency += np.bincount(unique % len(frequency), minlength=len(frequency))
    return np.log1p((len(chosen) - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)

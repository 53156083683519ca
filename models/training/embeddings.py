"""Owns the starting point of the word embeddings: truncated SVD of the co-occurrences of the training text."""

import os

import numpy as np
import scipy.sparse as sparse

WINDOW = 5
PASSAGES = 250_000
POWER_ITERATIONS = 3


def _cooccurrences(passages, vocab_size, seed):
    chosen = np.sort(np.random.default_rng(seed).permutation(len(passages))[:PASSAGES])
    total = sparse.csr_matrix((vocab_size, vocab_size), dtype=np.float32)
    for begin in range(0, len(chosen), 25000):
        parts = [passages[i] for i in chosen[begin : begin + 25000]]
        rows = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        flat = np.concatenate(parts).astype(np.int32)
        for distance in range(1, WINDOW + 1):
            inside = rows[:-distance] == rows[distance:]
            left, right = flat[:-distance][inside], flat[distance:][inside]
            weight = np.full(len(left), 1 / distance, np.float32)
            total = total + sparse.coo_matrix((weight, (left, right)), shape=total.shape).tocsr()
    return (total + total.T).tocsr()


def _positive_pmi(counts):
    rows = np.asarray(counts.sum(axis=1)).ravel() + 1e-6
    columns = rows**0.75
    columns *= rows.sum() / columns.sum()
    counts.data[counts.data < 1] = 0
    counts.eliminate_zeros()
    expected = np.repeat(rows, np.diff(counts.indptr)) * columns[counts.indices] / rows.sum()
    counts.data = np.maximum(np.log(counts.data / expected), 0).astype(np.float32)
    counts.eliminate_zeros()
    return counts


def train_embeddings(passages, vocab_size, width, path, seed=2):
    """Writes float32 `[vocab_size, width]`, rows of about unit length."""
    pmi = _positive_pmi(_cooccurrences(passages, vocab_size, seed))
    print(f"  PPMI with {pmi.nnz:,} entries", flush=True)
    basis = np.random.default_rng(seed).normal(size=(vocab_size, width + 16)).astype(np.float32)
    for step in range(POWER_ITERATIONS):
        basis, _ = np.linalg.qr(pmi @ basis)
        print(f"  power iteration {step + 1} of {POWER_ITERATIONS}", flush=True)
    values, vectors = np.linalg.eigh(basis.T @ (pmi @ basis))
    top = np.argsort(-np.abs(values))[:width]
    table = (basis @ vectors[:, top]) * np.sqrt(np.abs(values[top]))
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    np.save(path, (table / np.maximum(lengths, np.median(lengths) / 2)).astype(np.float32))

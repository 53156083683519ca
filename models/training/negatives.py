"""Owns the mining of hard negatives: BM25 inside pools of pairs, over unigrams and bigrams of token ids."""

import time

import numpy as np
import scipy.sparse as sparse

from lexical import BIGRAM_BUCKETS, document_rows, row_terms

NEGATIVES = 24  # kept for each pair and each kind of pool
TOPIC_POOL = 12000  # pairs that share their rarest query word: near-duplicates of topic
RANDOM_POOL = 4000  # about the size of a reranking corpus
K1, B = 1.2, 0.75
COMMON_TERM = 0.04  # terms in more of the pool's passages than this share are not searched for


def _counts(token_lists, indices, vocab_size):
    terms, rows = row_terms(*document_rows(token_lists, indices), vocab_size)
    shape = (len(indices), vocab_size + BIGRAM_BUCKETS)
    matrix = sparse.coo_matrix((np.ones(len(terms), np.float32), (rows, terms)), shape=shape).tocsr()
    matrix.sum_duplicates()
    return matrix


def _bm25_documents(counts):
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log1p((counts.shape[0] - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
    norm = np.repeat(K1 * (1 - B + B * lengths / lengths.mean()), np.diff(counts.indptr)).astype(np.float32)
    weights = counts.copy()
    weights.data = idf[counts.indices] * counts.data * (K1 + 1) / (counts.data + norm)
    return weights, frequency


def _best(scores, own, passages, count):
    """Passage numbers of the `count` best columns of one sparse row, own passage left out, -1 where there are fewer."""
    columns, values = scores
    keep = passages[columns] != own
    columns, values = columns[keep], values[keep]
    if len(columns) > count:
        part = np.argpartition(-values, count)[:count]
        columns, values = columns[part], values[part]
    ordered = passages[columns[np.argsort(-values, kind="stable")]]
    return np.pad(ordered, (0, count - len(ordered)), constant_values=-1)


def mine_pool(corpus, pairs, vocab_size, chinese):
    """Hard negatives of one pool, int32 `[len(pairs), NEGATIVES]`, best first."""
    passages = np.unique(corpus.passage[pairs])
    documents, frequency = _bm25_documents(_counts(corpus.passages, passages, vocab_size))
    queries = _counts(corpus.queries, pairs, vocab_size)
    single = queries.indices < vocab_size
    queries.data = np.where(single, 0.4 if chinese else 1.0, 1.0 if chinese else 0.4).astype(np.float32)
    queries.data[frequency[queries.indices] > COMMON_TERM * len(passages)] = 0
    queries.eliminate_zeros()
    scores = (queries @ documents.T.tocsr()).tocsr()
    out = np.empty((len(pairs), NEGATIVES), np.int32)
    for row, pair in enumerate(pairs):
        part = slice(scores.indptr[row], scores.indptr[row + 1])
        out[row] = _best((scores.indices[part], scores.data[part]), corpus.passage[pair], passages, NEGATIVES)
    return out


def _topic_order(corpus, pairs, idf):
    """Pairs sorted by the rarest word of their query, so that neighbours share a topic."""
    rarest = [int(ids[np.argmax(idf[ids])]) if len(ids := corpus.queries[p]) else 0 for p in pairs]
    return pairs[np.argsort(rarest, kind="stable")]


def mine(corpus, path, idf, vocab_size, seed=1):
    """Writes int32 `[pairs, 2, NEGATIVES]`: topic pools, then random pools."""
    rng = np.random.default_rng(seed)
    out = np.full((len(corpus.passage), 2, NEGATIVES), -1, np.int32)
    jobs = []
    for chinese in (0, 1):
        for questions in (True, False):
            pairs = np.flatnonzero((corpus.zh == chinese) & ((corpus.kind == 0) == questions))
            topical, shuffled = _topic_order(corpus, pairs, idf), rng.permutation(pairs)
            jobs += [(topical[i : i + TOPIC_POOL], 0, chinese) for i in range(0, len(pairs), TOPIC_POOL)]
            jobs += [(shuffled[i : i + RANDOM_POOL], 1, chinese) for i in range(0, len(pairs), RANDOM_POOL)]
    begun = time.time()
    for number, (pairs, column, chinese) in enumerate(jobs, 1):
        out[pairs, column] = mine_pool(corpus, pairs, vocab_size, chinese)
        left = (time.time() - begun) / number * (len(jobs) - number)
        if number % 10 == 0:
            print(f"  mined pool {number} of {len(jobs)}, {left:.0f} s left", flush=True)
    np.save(path, out)

"""Owns the steps both pipelines share: each leaves one file, written beside its place and renamed, and is run once."""

import os
import time

import numpy as np

IDF_SAMPLE = 200_000  # passages


def once(path, what, make):
    """Runs `make(draft)` unless `path` is there; a stop at any moment leaves no half file in its place."""
    if os.path.exists(path):
        return
    print(f"{what} ...", flush=True)
    begun = time.time()
    draft = os.path.join(os.path.dirname(path), "draft-" + os.path.basename(path))
    make(draft)
    os.replace(draft, path)
    print(f"{what}: {time.time() - begun:.0f} s", flush=True)


def sentence_ends(tokenizer):
    """Ids of the marks that end a sentence."""
    return [tokenizer.token_to_id(mark) for mark in ".!?;。！？；" if tokenizer.token_to_id(mark)]


def prepare_corpus(data, work, vocab_size, width):
    """Token maps, word rarity, BM25 negatives and co-occurrence vectors `[vocab_size, width]` of the training text."""
    import corpus
    import embeddings
    import lexical
    import negatives

    at = lambda name: os.path.join(work, name)
    once(at("pairs.npz"), "tokens", lambda draft: corpus.tokenise(data, work, draft))
    pairs = corpus.Corpus(work)
    rarity = lambda: lexical.inverse_document_frequency(pairs.passages, vocab_size, sample=IDF_SAMPLE)
    once(at("idf.npy"), "word rarity", lambda draft: np.save(draft, rarity()))
    idf = np.load(at("idf.npy"))
    once(at("negatives.npy"), "negatives", lambda draft: negatives.mine(pairs, draft, idf, vocab_size))
    once(at("embeddings.npy"), "embeddings", lambda draft: embeddings.train_embeddings(pairs.passages, vocab_size, width, draft))

"""Owns where crossrank-small starts from: MiniLM's weights under our names, and rows for the words it never had."""

import os

import numpy as np
import torch

from start_weights import read_tensors

LAYER_PARTS = {
    "out": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm2": "output.LayerNorm",
}


def encoder_state(tensors, words, layers):
    """State of `Encoder` from the tensors of a BERT checkpoint and a word table of our own vocabulary."""
    state = {
        "words.weight": words,
        "positions": tensors["embeddings.position_embeddings.weight"],
        "segments": tensors["embeddings.token_type_embeddings.weight"],
    }
    for kind in ("weight", "bias"):
        state[f"norm.{kind}"] = tensors[f"embeddings.LayerNorm.{kind}"]
        for number in range(layers):
            theirs, ours = f"encoder.layer.{number}.", f"layers.{number}."
            split = [tensors[f"{theirs}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{ours}qkv.{kind}"] = torch.cat(split)
            for part, name in LAYER_PARTS.items():
                state[f"{ours}{part}.{kind}"] = tensors[f"{theirs}{name}.{kind}"]
    return state


def word_table(rows, table, vectors, seed=5):
    """Word rows float32 `[vocab, hidden]`: the mean of the MiniLM rows in `rows`, else placed by co-occurrence.

    A new character has no MiniLM row. It starts at the mean row plus its co-occurrence vector, turned at random into
    the hidden width and scaled to the spread of MiniLM's rows: characters used alike start alike.
    """
    known = rows >= 0
    counts = known.sum(1, keepdims=True)
    words = (table[np.where(known, rows, 0)] * known[:, :, None]).sum(1) / np.maximum(counts, 1)
    new = counts[:, 0] == 0
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(table.shape[1], vectors.shape[1])))
    placed = vectors[new] @ turn.T
    placed *= table.std(axis=0) / (placed.std(axis=0) + 1e-6)
    words[new] = table.mean(axis=0) + placed
    return torch.from_numpy(words.astype(np.float32))


def start_encoder(encoder, work, start_weights):
    """Fills an `Encoder` with MiniLM's weights and with rows for our own vocabulary."""
    tensors = {name.removeprefix("bert."): value.float() for name, value in read_tensors(start_weights).items()}
    vectors = np.load(os.path.join(work, "embeddings.npy"))
    table = tensors["embeddings.word_embeddings.weight"].numpy()
    words = word_table(np.load(os.path.join(work, "rows.npy")), table, vectors)
    encoder.load_state_dict(encoder_state(tensors, words, len(encoder.layers)))

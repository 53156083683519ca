"""Owns running an exported directory with onnxruntime on the CPU; the reference for every recorded figure."""

import os

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from devsets import MAX_TOKENS

RUN_TOKENS = 512  # padded tokens of one run; about the optimum of one core


class Scorer:
    """Scores text pairs with `model.onnx` and `tokenizer.json` of a directory."""

    def __init__(self, directory, threads=1, model="model.onnx", optimise=True):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        if not optimise:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self.session = onnxruntime.InferenceSession(os.path.join(directory, model), options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(os.path.join(directory, "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS, strategy="longest_first")

    def run(self, encodings):
        """Logits `[pairs]` of encodings that are padded to the longest and run together."""
        width = max(len(e.ids) for e in encodings)
        pad = lambda row: row + [0] * (width - len(row))
        feeds = {
            "input_ids": np.array([pad(e.ids) for e in encodings], np.int64),
            "attention_mask": np.array([pad([1] * len(e.ids)) for e in encodings], np.int64),
            "token_type_ids": np.array([pad(e.type_ids) for e in encodings], np.int64),
        }
        return self.session.run(["logits"], feeds)[0][:, 0]

    def __call__(self, pairs):
        """Logits of `(query, document)` texts, float32 `[pairs]`, run in order of length."""
        encodings = self.tokenizer.encode_batch(list(pairs))
        logits = np.empty(len(encodings), np.float32)
        order = sorted(range(len(encodings)), key=lambda i: len(encodings[i].ids))
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and (end - begin + 1) * len(encodings[order[end]].ids) <= RUN_TOKENS:
                end += 1
            run = order[begin:end]
            logits[run] = self.run([encodings[i] for i in run])
            begin = end
        return logits

"""Tests of the parts that need no data: storage, padding, batching, metrics."""

import os
import tempfile
import unittest

import numpy as np
import onnx
import onnxruntime
import torch

from batches import by_length, collate, crop
from devsets import mrr, ndcg, truncated
from export import write_graph
from lexical import BIGRAM_BUCKETS
from model import CrossEncoder, Shape
from storage import store_as_int8

SHAPE = Shape(vocab_size=2000, hidden=32, layers=2, heads=2, inner=64, soft_width=16)


def small_model():
    torch.manual_seed(0)
    idf = np.random.default_rng(0).uniform(1, 10, SHAPE.vocab_size + BIGRAM_BUCKETS).astype(np.float32)
    return CrossEncoder(SHAPE, idf).eval()


def small_pairs():
    rng = np.random.default_rng(1)
    draw = lambda count: rng.integers(5, 60, count)
    return [(draw(q), draw(d)) for q, d in ((3, 9), (0, 5), (7, 0), (0, 0), (20, 200), (1, 33))]


class ModelTest(unittest.TestCase):
    @torch.no_grad()
    def test_padding_and_neighbours_change_nothing(self):
        model, pairs = small_model(), small_pairs()
        run = lambda some: model(*map(torch.from_numpy, collate(some)))[:, 0]
        alone = torch.cat([run([pair]) for pair in pairs])
        torch.testing.assert_close(run(pairs), alone, atol=1e-5, rtol=0)

    @torch.no_grad()
    def test_exported_graph_scores_as_the_model_and_folds_to_floats(self):
        model, pairs = small_model(), small_pairs()
        with tempfile.TemporaryDirectory() as folder:
            path, folded = os.path.join(folder, "model.onnx"), os.path.join(folder, "folded.onnx")
            write_graph(model, path)
            plain = onnx.load(path)
            stored = store_as_int8(onnx.load(path))
            self.assertIn(onnx.TensorProto.INT8, {weight.data_type for weight in stored.graph.initializer})
            onnx.save(stored, path)
            options = onnxruntime.SessionOptions()
            options.optimized_model_filepath = folded
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            kinds = {weight.data_type for weight in onnx.load(folded).graph.initializer}
            self.assertNotIn(onnx.TensorProto.INT8, kinds)
            exact = onnxruntime.InferenceSession(plain.SerializeToString(), providers=["CPUExecutionProvider"])
            names = ("input_ids", "attention_mask", "token_type_ids")
            for pair in pairs:
                feeds = dict(zip(names, collate([pair])))
                expected = model(*map(torch.from_numpy, feeds.values())).numpy()
                np.testing.assert_allclose(exact.run(None, feeds)[0], expected, atol=1e-5)
                np.testing.assert_allclose(session.run(None, feeds)[0], expected, atol=0.1)


class BatchTest(unittest.TestCase):
    def test_runs_cover_every_pair_within_the_budget(self):
        pairs = small_pairs()
        runs = list(by_length(pairs, budget=300))
        self.assertEqual(sorted(i for run in runs for i in run), list(range(len(pairs))))
        for run in runs:
            self.assertLessEqual(len(run) * max(len(pairs[i][0]) + len(pairs[i][1]) + 3 for i in run), 300)

    def test_crop_keeps_the_matches(self):
        document = np.arange(100, 200)
        weight = np.zeros(300, np.float32)
        weight[180] = 5
        self.assertIn(180, crop(document, weight, 20, np.random.default_rng(0)))

    def test_truncation_fits(self):
        for sizes in ((3, 900), (400, 400), (900, 3), (2, 2)):
            query, document = truncated(np.arange(sizes[0]), np.arange(sizes[1]), 64)
            self.assertLessEqual(len(query) + len(document) + 3, max(64, sum(sizes) + 3 if sum(sizes) < 61 else 64))


class MetricTest(unittest.TestCase):
    def test_reciprocal_rank_and_gain(self):
        self.assertEqual(mrr([0, 0, 1]), 1 / 3)
        self.assertEqual(mrr([0] * 10 + [1]), 0)
        self.assertEqual(ndcg([1, 0, 0]), 1)
        self.assertAlmostEqual(ndcg([0, 1]), 1 / np.log2(3))


if __name__ == "__main__":
    unittest.main()

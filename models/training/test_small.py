"""Tests of crossrank-small's parts that need no data and no start weights: vocabulary, start, model, stages."""

import json
import os
import tempfile
import unittest
from collections import Counter

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

import masked
import small_fit
import small_vocabulary
import start_weights
from batches import collate
from corpus import CLS, MASK, SEP, SPECIALS
from export import write_graph
from mistakes import LEAST, Mistakes
from small_model import Encoder, SmallCrossEncoder, SmallShape, at_depth
from small_start import encoder_state, word_table

SHAPE = SmallShape(vocab_size=1200, hidden=24, exits=(1, 2), heads=2, inner=48, positions=300, soft_width=8)
FORMS = {"體": "体", "國": "国"}
VOCABULARY = {piece: i for i, piece in enumerate(["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "ab", "國", "rare", "ا"])}


def small_model(seed=0):
    torch.manual_seed(seed)
    model = SmallCrossEncoder(SHAPE)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def small_pairs():
    rng = np.random.default_rng(1)
    draw = lambda count: rng.integers(5, 60, count)
    return [(draw(q), draw(d)) for q, d in ((3, 9), (0, 5), (7, 0), (0, 0), (20, 200), (1, 33))]


class VocabularyTest(unittest.TestCase):
    def chosen(self):
        counts = small_vocabulary.count_words(["a ab 體 体 國 国 abb abb", "体 体 国 国"], FORMS)
        return small_vocabulary.choose(counts, VOCABULARY, FORMS, size=12)

    def test_traditional_and_full_width_are_counted_as_one(self):
        counts = small_vocabulary.count_words(["體体 ＡＢ ab"], FORMS)
        self.assertEqual(counts, Counter({"体": 2, "ab": 2}))

    def test_words_split_into_the_longest_pieces(self):
        self.assertEqual(small_vocabulary.split_word("abb", VOCABULARY), ["ab", "##b"])
        self.assertEqual(small_vocabulary.split_word("xyz", VOCABULARY), [])

    def test_what_the_text_never_holds_goes_first(self):
        kept, words, characters = self.chosen()
        self.assertEqual((kept, words, characters), (["a", "##b", "ab", "rare", "ا"], [], ["体", "国"]))
        counts = small_vocabulary.count_words(["a abb"], FORMS)
        self.assertEqual(small_vocabulary.choose(counts, VOCABULARY, FORMS, size=8)[0], ["a", "##b", "ab"])

    def test_second_names_give_the_same_ids(self):
        kept, words, characters = self.chosen()
        pieces = SPECIALS + kept + words + characters
        tokenizer = Tokenizer.from_str(json.dumps(small_vocabulary.tokenizer_form(pieces, FORMS)))
        self.assertEqual(tokenizer.encode("國體ａｂ", "ab").ids, tokenizer.encode("国体ab", "ab").ids)
        self.assertEqual(tokenizer.encode("国", "a").ids[0], CLS)
        self.assertEqual(tokenizer.encode("国", "a").type_ids, [0, 0, 0, 1, 1])
        self.assertEqual(small_vocabulary.vocabulary_size(tokenizer), len(pieces))

    def test_a_character_starts_from_its_traditional_form(self):
        rows = small_vocabulary.start_rows(["国", "体", "abb"], VOCABULARY, FORMS)
        self.assertEqual(rows[0, 0], VOCABULARY["國"])
        self.assertEqual(rows[1].max(), -1)
        self.assertEqual(rows[2, :3].tolist(), [VOCABULARY["ab"], VOCABULARY["##b"], -1])


class StartTest(unittest.TestCase):
    def test_another_file_than_the_pinned_one_is_refused(self):
        with tempfile.NamedTemporaryFile() as file, self.assertRaises(ValueError):
            start_weights.verify(file.name, start_weights.SHA256)

    def test_rows_are_means_and_new_ones_lie_among_them(self):
        rng = np.random.default_rng(0)
        table, vectors = rng.normal(size=(50, 12)), rng.normal(size=(40, 4))
        rows = np.full((40, 3), -1)
        rows[0, :2] = (3, 5)
        words = word_table(rows, table, vectors).numpy()
        np.testing.assert_allclose(words[0], (table[3] + table[5]) / 2, rtol=1e-5)
        np.testing.assert_allclose(words[1:].std(axis=0), table.std(axis=0), rtol=0.1)

    @torch.no_grad()
    def test_every_weight_of_the_encoder_is_filled_and_computes_as_bert(self):
        torch.manual_seed(0)
        encoder = Encoder(SHAPE)
        tensors = bert_tensors(SHAPE)
        encoder.load_state_dict(encoder_state(tensors, tensors["embeddings.word_embeddings.weight"], 2))  # strict
        ids = torch.randint(5, 1200, (2, 9))
        ours = encoder(ids, torch.ones(2, 9), torch.zeros_like(ids))[-1]
        torch.testing.assert_close(ours, bert_states(tensors, ids, SHAPE), atol=1e-4, rtol=1e-4)


def bert_tensors(shape):
    """Random tensors under the names of a BERT checkpoint."""
    draw = lambda *size: torch.randn(*size) * 0.2
    tensors = {
        "embeddings.word_embeddings.weight": draw(shape.vocab_size, shape.hidden),
        "embeddings.position_embeddings.weight": draw(shape.positions, shape.hidden),
        "embeddings.token_type_embeddings.weight": draw(2, shape.hidden),
        "embeddings.LayerNorm.weight": draw(shape.hidden),
        "embeddings.LayerNorm.bias": draw(shape.hidden),
    }
    parts = {"attention.self.query": (24, 24), "attention.self.key": (24, 24), "attention.self.value": (24, 24)}
    parts |= {"attention.output.dense": (24, 24), "intermediate.dense": (48, 24), "output.dense": (24, 48)}
    for number in range(2):
        for part, size in parts.items():
            tensors[f"encoder.layer.{number}.{part}.weight"] = draw(*size)
            tensors[f"encoder.layer.{number}.{part}.bias"] = draw(size[0])
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors[f"encoder.layer.{number}.{part}.weight"] = draw(24)
            tensors[f"encoder.layer.{number}.{part}.bias"] = draw(24)
    return tensors


def bert_states(t, ids, shape):
    """The last states as BERT's paper has them, written out once more."""
    norm = lambda x, name: torch.nn.functional.layer_norm(x, (24,), t[name + ".weight"], t[name + ".bias"], 1e-12)
    linear = lambda x, name: x @ t[name + ".weight"].T + t[name + ".bias"]
    heads = lambda x: x.unflatten(2, (shape.heads, -1)).transpose(1, 2)
    x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.position_embeddings.weight"][: ids.shape[1]]
    x = norm(x + t["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(2):
        at = f"encoder.layer.{number}."
        query, key, value = (heads(linear(x, at + "attention.self." + part)) for part in ("query", "key", "value"))
        weights = (query @ key.transpose(2, 3) / (shape.hidden // shape.heads) ** 0.5).softmax(3)
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        x = norm(x + linear(mixed, at + "attention.output.dense"), at + "attention.output.LayerNorm")
        inner = torch.nn.functional.gelu(linear(x, at + "intermediate.dense"))
        x = norm(x + linear(inner, at + "output.dense"), at + "output.LayerNorm")
    return x


class ModelTest(unittest.TestCase):
    @torch.no_grad()
    def test_padding_and_neighbours_change_nothing(self):
        model, pairs = small_model(), small_pairs()
        run = lambda some: model(*map(torch.from_numpy, collate(some)))[:, 0]
        alone = torch.cat([run([pair]) for pair in pairs])
        self.assertGreater(float(alone.std()), 0.01)
        torch.testing.assert_close(run(pairs), alone, atol=2e-4, rtol=1e-4)

    @torch.no_grad()
    def test_a_shallow_run_gives_what_the_deep_one_gives_on_the_way(self):
        model, inputs = small_model(), [torch.from_numpy(a) for a in collate(small_pairs())]
        deep, shallow = model.exit_logits(*inputs), model.exit_logits(*inputs, depth=1)
        self.assertEqual((len(deep), len(shallow)), (2, 1))
        torch.testing.assert_close(deep[0], shallow[0])
        self.assertFalse(torch.allclose(deep[0], deep[1]))

    @torch.no_grad()
    def test_the_model_cut_to_a_depth_scores_as_that_exit(self):
        model, inputs = small_model(), [torch.from_numpy(a) for a in collate(small_pairs())]
        for logits, depth in zip(model.exit_logits(*inputs), SHAPE.exits):
            short = at_depth(model, depth)
            self.assertEqual(len(short.encoder.layers), depth)
            torch.testing.assert_close(short.raw_logits(*inputs), logits)

    @torch.no_grad()
    def test_the_exported_graph_scores_as_the_model(self):
        model, pairs = at_depth(small_model(), 2), small_pairs()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            write_graph(model, path)
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for pair in pairs:
            arrays = collate([pair])
            feeds = dict(zip(("input_ids", "attention_mask", "token_type_ids"), arrays))
            expected = model(*map(torch.from_numpy, arrays)).numpy()
            np.testing.assert_allclose(session.run(None, feeds)[0], expected, atol=1e-3, rtol=1e-3)

    @torch.no_grad()
    def test_scores_come_back_in_the_order_of_the_pairs(self):
        model, pairs = small_model(), small_pairs()
        together = small_fit.score_exits(model, pairs, budget=60)
        alone = torch.stack([small_fit.score_exits(model, [pair])[:, 0] for pair in pairs], dim=1)
        torch.testing.assert_close(together, alone, atol=2e-4, rtol=1e-4)

    def test_every_parameter_of_the_model_has_one_rate(self):
        model = small_model()
        groups = small_fit.groups_by_rate(model, small_fit.RATES)
        given = [id(parameter) for group in groups for parameter in group["params"]]
        self.assertCountEqual(given, [id(parameter) for parameter in model.parameters()])


class MaskedTest(unittest.TestCase):
    def test_special_tokens_stay_and_only_chosen_places_change(self):
        ids = np.random.default_rng(0).integers(0, 300, (40, 128))
        hidden, chosen = masked.hide(ids, 300, np.random.default_rng(1))
        self.assertTrue((ids[chosen] >= len(SPECIALS)).all())
        np.testing.assert_array_equal(hidden[~chosen], ids[~chosen])
        self.assertAlmostEqual(chosen.mean(), masked.MASKED_SHARE, delta=0.01)
        self.assertAlmostEqual((hidden[chosen] == MASK).mean(), 1 - masked.KEPT - masked.RANDOM, delta=0.05)

    def test_rows_are_full(self):
        row = masked.fill_row(lambda rng: rng.integers(5, 300, rng.integers(1, 200)), np.random.default_rng(0))
        self.assertEqual((len(row), row[0]), (masked.LENGTH, CLS))
        short = masked.fill_row(lambda rng: np.array([7, 8]), np.random.default_rng(0))
        self.assertEqual(short[:7].tolist(), [CLS, 7, 8, SEP, 7, 8, SEP])


class MistakesTest(unittest.TestCase):
    def test_only_what_beat_the_relevant_document_comes_back(self):
        mistakes = Mistakes()
        mistakes.learn(1, [10, 11, 12], [2.0, 1.9, -1.0, 5.0])
        mistakes.learn(2, [10], [2.0, -3.0])
        self.assertEqual(mistakes.state(), [[1, [10, 12]]])
        self.assertIsNone(mistakes.take(np.random.default_rng(0)))

    def test_memory_survives_a_restart_and_gives_each_mistake_once(self):
        mistakes, again = Mistakes(), Mistakes()
        for pair in range(LEAST):
            mistakes.learn(pair, [5], [0.0, 1.0])
        again.restore(mistakes.state())
        rng = np.random.default_rng(0)
        taken = [found for found in (again.take(rng) for _ in range(200)) if found]
        self.assertEqual(taken, [(0, [5])])


if __name__ == "__main__":
    unittest.main()

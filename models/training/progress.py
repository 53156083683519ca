"""Measures a checkpoint of crossrank-small, every depth of it, beside BM25. Needs no export; disturbs no running training."""

import argparse
import os

import torch
from tokenizers import Tokenizer

from background import yield_to_others
from devsets import SETS, load_sets
from evaluate import metric_definitions
from long_run import averaged
from small_fit import exit_figures, started
from small_vocabulary import vocabulary_size


class Alone:
    """One scorer in place of all exits: the lexical part alone."""

    def __init__(self, model):
        self.exit_logits = lambda ids, mask, types, depth=None: [model.lexical_logits(ids, mask, types)]


def load(options):
    """The averaged weights of the run, or the model before it."""
    model = started(options)
    if options.stage == "fit":
        weights, step = averaged(options.work, "fit")
        model.load_state_dict(weights)
        print(f"fit, step {step}")
    model.reduced = options.reduced
    return model.eval()


def bm25_figures(data_dir, name, limit):
    metrics = metric_definitions(data_dir)
    queries = metrics.load(os.path.join(data_dir, "dev", name + ".jsonl.gz"))
    return metrics.evaluate(queries[:limit], metrics.BM25(metrics.corpus(queries)))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="directory with dev/")
    parser.add_argument("--work", required=True, help="work directory of train_small.py")
    parser.add_argument("--stage", choices=["start", "fit"], default="fit", help="start: the model before its last stage")
    parser.add_argument("--limit", type=int, default=100, help="queries of each set")
    parser.add_argument("--max-tokens", type=int, default=512, help="of a pair")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--float32", dest="reduced", action="store_false")
    return parser.parse_args()


def main():
    options = arguments()
    yield_to_others()
    torch.set_num_threads(1)
    options.start_weights, options.tokenizer = (os.path.join(options.work, name) for name in ("start", "tokenizer.json"))
    options.vocab_size = vocabulary_size(Tokenizer.from_file(options.tokenizer))
    model = load(options)
    for name in options.sets:
        sets = {name: load_sets(options.data, options.tokenizer, options.limit, [name])[name]}
        exits = [f"{depth} layers" for depth in model.shape.exits]
        rows = [("BM25", bm25_figures(options.data, name, options.limit))]
        rows += [("lexical part", *exit_figures(Alone(model), sets, options.max_tokens)[name])]
        rows += zip(exits, exit_figures(model, sets, options.max_tokens)[name])
        for what, figures in rows:
            print(f"{name:14} {what:12} {figures['queries']} queries MRR@10 {figures['mrr@10']:.4f} nDCG@10 {figures['ndcg@10']:.4f}", flush=True)


if __name__ == "__main__":
    main()

"""The one command from data to the shipped directory. Every step leaves a file in the work directory and is skipped when it is there."""

import argparse
import os

STEPS, DECAY_STEPS = 1720, 650
# First the lexical part is trained without encoder layers, at several times the speed.
LEXICAL = {"name": "lexical", "layers": 0, "groups": 48, "decay_steps": 200, "evaluate_every": 300, "start": None}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="directory with train/ and dev/")
    parser.add_argument("--work", required=True, help="directory for caches and checkpoints, outside the repository")
    parser.add_argument("--out", required=True, help="directory of the exported model; replaced as a whole")
    parser.add_argument("--name", default="main", help="name of the run; its checkpoint is WORK/NAME.pt")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--lexical-steps", type=int, default=600, help="steps of the first stage, without encoder layers")
    parser.add_argument("--decay-steps", type=int, default=DECAY_STEPS, help="last steps, over which the rate falls linearly")
    parser.add_argument("--evaluate-every", type=int, default=1000, help="steps")
    parser.add_argument("--processes", type=int, default=2, help="training processes of one thread each")
    parser.add_argument("--port", type=int, default=29531, help="local port the training processes meet on")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--groups", type=int, default=20, help="queries of one step and process")
    parser.add_argument("--until", choices=["prepare", "fit", "export"], default="export")
    return parser.parse_args()


def prepare(options):
    """Tokenizer, token maps, word rarity, negatives, starting embeddings."""
    from tokenizers import Tokenizer

    import corpus
    from model import Shape
    from steps import once, prepare_corpus, sentence_ends

    os.makedirs(options.work, exist_ok=True)
    options.tokenizer = os.path.join(options.work, "tokenizer.json")
    once(options.tokenizer, "tokenizer", lambda draft: corpus.train_tokenizer(options.data, draft))
    tokenizer = Tokenizer.from_file(options.tokenizer)
    options.vocab_size = tokenizer.get_vocab_size()
    options.sentence_ends = sentence_ends(tokenizer)
    prepare_corpus(options.data, options.work, options.vocab_size, Shape(options.vocab_size).hidden)


def train(options):
    """Runs or continues one training run, unless its last step is done."""
    from fit import fit, steps_done

    if steps_done(options) < options.steps:
        print(f"run {options.name}, from step {steps_done(options)}", flush=True)
        fit(options)


def main():
    options = arguments()
    prepare(options)
    if options.until == "prepare":
        return
    train(argparse.Namespace(**{**vars(options), **LEXICAL, "steps": options.lexical_steps}))
    train(argparse.Namespace(**vars(options), layers=None, start=LEXICAL["name"]))
    if options.until == "fit":
        return
    from export import export

    export(options)


if __name__ == "__main__":
    main()

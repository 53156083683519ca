"""The one command of crossrank-small, from data to directory: may be stopped at any moment and started again."""

import argparse
import os

from background import OnlyOne, yield_to_others


STAGES = ("lexical", "mlm", "fit")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="directory with train/ and dev/")
    parser.add_argument("--work", required=True, help="directory for caches and checkpoints, outside the repository")
    parser.add_argument("--until", choices=["prepare", *STAGES], default="fit")
    parser.add_argument("--lexical-steps", type=int, default=1500)
    parser.add_argument("--mlm-steps", type=int, default=200)
    parser.add_argument("--steps", type=int, default=60_000, help="of the last stage; may change between two starts")
    parser.add_argument("--decay-steps", type=int, default=3000, help="last steps of it, over which the rate falls linearly")
    parser.add_argument("--groups", type=int, default=10, help="queries of one step and process")
    parser.add_argument("--evaluate-every", type=int, default=1000, help="steps")
    parser.add_argument("--processes", type=int, default=2, help="training processes of one thread each")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--float32", dest="reduced", action="store_false", help="for processors without bfloat16 products")
    return parser.parse_args()


def prepare(options):
    """Start weights, tokenizer, and what both pipelines make of the corpus."""
    from tokenizers import Tokenizer

    import small_vocabulary
    import start_weights
    from small_model import SmallShape
    from steps import once, prepare_corpus, sentence_ends

    at = lambda name: os.path.join(options.work, name)
    options.start_weights, options.tokenizer = at("start"), at("tokenizer.json")
    if not all(os.path.exists(os.path.join(options.start_weights, name)) for name in start_weights.FILES):
        start_weights.download(options.start_weights)
    once(options.tokenizer, "tokenizer", lambda draft: small_vocabulary.write(options.data, options.start_weights, draft))
    tokenizer = Tokenizer.from_file(options.tokenizer)
    options.vocab_size = small_vocabulary.vocabulary_size(tokenizer)
    options.sentence_ends = sentence_ends(tokenizer)
    prepare_corpus(options.data, options.work, options.vocab_size, SmallShape(options.vocab_size).cooccurrence)


def stage_options(options, stage):
    """The settings of one stage of training."""
    own = {
        "lexical": {"steps": options.lexical_steps, "groups": 4 * options.groups, "decay_steps": 150, "average": 0.99},
        "mlm": {"steps": options.mlm_steps, "average": 0.98},
        "fit": {"average": 0.999},
    }
    return argparse.Namespace(**{**vars(options), **own[stage], "name": stage})


def train(options, stage):
    """Runs or continues one stage."""
    from long_run import run_until_done
    from masked import MaskedTask
    from small_fit import FitTask, LexicalTask

    tasks = {"lexical": LexicalTask, "mlm": MaskedTask, "fit": FitTask}
    run_until_done(tasks[stage], stage_options(options, stage))


def main():
    options = arguments()
    os.makedirs(options.work, exist_ok=True)
    held = OnlyOne(options.work)
    yield_to_others()
    prepare(options)
    for stage in STAGES:
        if options.until == "prepare":
            break
        train(options, stage)
        if stage == options.until:
            break
    held.release()


if __name__ == "__main__":
    main()

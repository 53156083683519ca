"""Writes the directory of crossrank-small from a checkpoint, at the depth that measuring chose."""

import argparse
import os

import torch
from tokenizers import Tokenizer

from background import yield_to_others
from export import ship
from progress import load
from small_model import at_depth
from small_vocabulary import vocabulary_size
from steps import sentence_ends


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, help="work directory of train_small.py")
    parser.add_argument("--out", required=True, help="directory of the exported model; replaced as a whole")
    parser.add_argument("--depth", type=int, required=True, help="layers; one of the exits of the model")
    parser.add_argument("--stage", choices=["start", "fit"], default="fit")
    parser.add_argument("--seed", type=int, default=11)
    return parser.parse_args()


def main():
    options = arguments()
    yield_to_others()
    torch.set_num_threads(1)
    options.start_weights, options.tokenizer = (os.path.join(options.work, name) for name in ("start", "tokenizer.json"))
    tokenizer = Tokenizer.from_file(options.tokenizer)
    options.vocab_size, options.sentence_ends, options.reduced = vocabulary_size(tokenizer), sentence_ends(tokenizer), False
    ship(at_depth(load(options), options.depth), options, activation="gelu")


if __name__ == "__main__":
    main()

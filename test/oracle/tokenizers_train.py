"""Trains the tokenizers with the real algorithms and writes them the way transformers saves them."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AlbertTokenizerFast,
    BertTokenizerFast,
    DebertaV2TokenizerFast,
    DistilBertTokenizerFast,
    ElectraTokenizerFast,
    MPNetTokenizerFast,
    PreTrainedTokenizerFast,
    Qwen2TokenizerFast,
    RobertaTokenizerFast,
    XLMRobertaTokenizerFast,
)

BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def frequent_characters(tokenizer: Tokenizer, lines: list[str], count: int) -> list[str]:
    """Gives the most frequent characters; the trainer's own choice among equally frequent ones is not stable."""
    counts = Counter("".join(tokenizer.normalizer.normalize_str(line) for line in lines))
    ordered = sorted((-number, character) for character, number in counts.items() if not character.isspace())
    return [character for _, character in ordered[:count]]


def word_piece(lines: list[str], *, vocab: int, lowercase: bool, alphabet: int, specials=BERT_SPECIALS) -> Tokenizer:
    """Gives a BERT-like WordPiece tokenizer without its template.

    The trainer numbers characters inside words in no stable order, which decides between equally frequent pairs.
    They are therefore handed to it as special tokens, and the vocabulary goes to a fresh tokenizer.
    """
    trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    characters = frequent_characters(trained, lines, alphabet)
    words = (word for line in lines for word, _ in trained.pre_tokenizer.pre_tokenize_str(trained.normalizer.normalize_str(line)))
    inner = {character for word in words for character in word[1:]}
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab,
        special_tokens=[*specials, *(f"##{character}" for character in characters if character in inner)],
        initial_alphabet=characters,
        limit_alphabet=alphabet,
        show_progress=False,
    )
    trained.train_from_iterator(lines, trainer)
    tokenizer = Tokenizer(models.WordPiece(trained.get_vocab(), unk_token="[UNK]"))
    tokenizer.normalizer = trained.normalizer
    tokenizer.pre_tokenizer = trained.pre_tokenizer
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.add_special_tokens(specials)
    return tokenizer


def bert_template(tokenizer: Tokenizer) -> None:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )


def byte_bpe(lines: list[str], *, vocab: int, specials: list[str], split: str | None = None, nfc=False) -> Tokenizer:
    """Gives a byte-level BPE tokenizer without its template; `split` is a pre-tokenizer pattern before it."""
    tokenizer = Tokenizer(models.BPE())
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    if split is None:
        tokenizer.pre_tokenizer = byte_level
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(split), behavior="isolated"), byte_level]
        )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def sentence_piece(lines: list[str], folder: str, **options) -> str:
    """Trains a sentencepiece Unigram model and gives the path of its file."""
    corpus = Path(folder) / "lines.txt"
    corpus.write_text("\n".join(line.replace("\n", " ") for line in lines), encoding="utf-8")
    prefix = str(Path(folder) / "spm")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=prefix,
        model_type="unigram",
        num_threads=1,
        minloglevel=2,
        max_sentence_length=8000,
        **options,
    )
    return prefix + ".model"


def train_bert(lines, *, vocab=1200, lowercase=True, kind="bert", processing="template", alphabet=500):
    tokenizer = word_piece(lines, vocab=vocab, lowercase=lowercase, alphabet=alphabet)
    if processing == "bert":  # the processor that tokenizer.json files of older models carry
        sep, cls = ("[SEP]", tokenizer.token_to_id("[SEP]")), ("[CLS]", tokenizer.token_to_id("[CLS]"))
        tokenizer.post_processor = processors.BertProcessing(sep, cls)
    else:
        bert_template(tokenizer)
    classes = {"bert": BertTokenizerFast, "distilbert": DistilBertTokenizerFast, "electra": ElectraTokenizerFast}
    return classes[kind](tokenizer_object=tokenizer, do_lower_case=lowercase, model_max_length=512)


def train_mpnet(lines):
    specials = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
    tokenizer = word_piece(lines, vocab=1000, lowercase=True, alphabet=400, specials=specials)
    sep, cls = ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>"))
    tokenizer.post_processor = processors.RobertaProcessing(sep, cls, trim_offsets=True, add_prefix_space=False)
    return MPNetTokenizerFast(tokenizer_object=tokenizer, do_lower_case=True, model_max_length=512)


def train_roberta(lines, *, vocab=1000, max_length: int | None = 512):
    tokenizer = byte_bpe(lines, vocab=vocab, specials=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    sep, cls = ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>"))
    tokenizer.post_processor = processors.RobertaProcessing(sep, cls, trim_offsets=True, add_prefix_space=False)
    limit = {} if max_length is None else {"model_max_length": max_length}
    return RobertaTokenizerFast(tokenizer_object=tokenizer, add_prefix_space=False, **limit)


def train_modernbert(lines):
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<|endoftext|>"]
    tokenizer = byte_bpe(lines, vocab=1000, specials=specials, nfc=True)
    bert_template(tokenizer)
    # The released vocabulary has such ordinary (not special, normalised) added tokens too.
    tokenizer.add_tokens([AddedToken(text, normalized=True) for text in (" " * 8, " " * 4, "  ")])
    tokenizer.add_tokens([AddedToken("|||IP_ADDRESS|||", normalized=True)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=8192,
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token=AddedToken("[MASK]", lstrip=True),
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=True,
    )


def train_qwen(lines, *, template: dict):
    pieces = [template["prefix"], template["separator"], template["suffix"]]
    lines = lines + pieces * 200  # so that the fixed text takes about as many tokens as with the real vocabulary
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = byte_bpe(lines, vocab=1000, specials=specials, split=QWEN_SPLIT, nfc=True)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ("<think>", "</think>")])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return Qwen2TokenizerFast(
        tokenizer_object=tokenizer, model_max_length=131072, unk_token=None, eos_token="<|im_end|>"
    )


def train_xlmr(lines):
    with tempfile.TemporaryDirectory() as folder:
        model = sentence_piece(
            lines,
            folder,
            vocab_size=2000,
            character_coverage=0.985,
            normalization_rule_name="nmt_nfkc",
        )
        return XLMRobertaTokenizerFast(vocab_file=model, model_max_length=512)


def train_albert(lines):
    with tempfile.TemporaryDirectory() as folder:
        model = sentence_piece(
            [line.lower() for line in lines],
            folder,
            vocab_size=1400,
            character_coverage=0.98,
            normalization_rule_name="nmt_nfkc",
            pad_id=0,
            unk_id=1,
            bos_id=-1,
            eos_id=-1,
            control_symbols=["[CLS]", "[SEP]", "[MASK]"],
        )
        return AlbertTokenizerFast(vocab_file=model, model_max_length=512)


def train_deberta(lines):
    with tempfile.TemporaryDirectory() as folder:
        model = sentence_piece(
            lines,
            folder,
            vocab_size=1700,
            character_coverage=0.98,
            normalization_rule_name="nmt_nfkc",
            byte_fallback=True,
            pad_id=0,
            bos_id=1,
            eos_id=2,
            unk_id=3,
            pad_piece="[PAD]",
            bos_piece="[CLS]",
            eos_piece="[SEP]",
            unk_piece="[UNK]",
        )
        return DebertaV2TokenizerFast(vocab_file=model, model_max_length=512)


def stored_truncation(data: dict) -> None:
    """Adds the blocks that many published files carry and that transformers does not apply on its own."""
    data["truncation"] = {"direction": "Right", "max_length": 40, "strategy": "LongestFirst", "stride": 0}
    data["padding"] = {
        "strategy": {"Fixed": 40},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }


def old_merges(data: dict) -> None:
    """Writes the merges as one string each, as before tokenizers 0.20."""
    data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
    del data["model"]["ignore_merges"]


def old_unigram(data: dict) -> None:
    """Writes the layout of the first XLM-R files, which the widespread rerankers of that time still carry."""
    data["normalizer"] = next(n for n in data["normalizer"]["normalizers"] if n["type"] == "Precompiled")
    metaspace = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    data["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}
    data["decoder"] = metaspace
    del data["model"]["byte_fallback"]


def save(tokenizer, folder: Path, rewrite: Callable[[dict], None] | None, config: dict, drop: tuple[str, ...]) -> None:
    """Writes the tokenizer files: tokenizer.json changed by `rewrite`, tokenizer_config.json by `config` and `drop`."""
    tokenizer.save_pretrained(folder)
    for name in ("vocab.txt", "vocab.json", "merges.txt", "spiece.model", "spm.model", "sentencepiece.bpe.model"):
        (folder / name).unlink(missing_ok=True)
    path = folder / "tokenizer.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    if rewrite is not None:
        rewrite(data)
    path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    path = folder / "tokenizer_config.json"
    settings = {**json.loads(path.read_text(encoding="utf-8")), **config}
    for key in ("vocab_file", "name_or_path", *drop):
        settings.pop(key, None)
    path.write_text(json.dumps(settings, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")

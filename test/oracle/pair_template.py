"""The reference way to encode a pair as one literal text between fixed pieces (instruction rerankers)."""

from __future__ import annotations

from functools import partial


def query_text(template: dict, query: str) -> str:
    return template["query_prefix"] + query + template["query_suffix"]


def document_text(template: dict, document: str) -> str:
    return template["document_prefix"] + document + template["document_suffix"]


def formatted(template: dict, query: str, document: str) -> str:
    """Gives the whole text of a pair."""
    return (
        template["prefix"]
        + query_text(template, query)
        + template["separator"]
        + document_text(template, document)
        + template["suffix"]
    )


def sentence_transformers_pair(template: dict, query: str, document: str) -> list[str]:
    """Gives the two texts that users of such models hand to CrossEncoder.predict."""
    first = template["prefix"] + query_text(template, query)
    return [first, template["separator"] + document_text(template, document) + template["suffix"]]


def shares(query_length: int, document_length: int, budget: int) -> tuple[int, int]:
    """Gives how many tokens of each longest_first keeps: one is taken from the longer until both fit.

    Of two equally long lists the document keeps the odd token, as in the tokenizers library.
    """
    if query_length + document_length <= budget:
        return query_length, document_length
    shorter = min(query_length, document_length)
    longer = shorter if shorter > budget else max(shorter, budget - shorter)
    if shorter + longer > budget:
        shorter = budget // 2
        longer = shorter + budget % 2
    return (longer, shorter) if query_length > document_length else (shorter, longer)


def token_ids(tokenizer, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False).input_ids


def fixed_tokens(tokenizer, template: dict) -> int:
    """Gives how many tokens the fixed pieces take when a pair is cut."""
    pieces = [template["prefix"], template["query_suffix"] + template["separator"], template["suffix"]]
    return sum(len(token_ids(tokenizer, piece)) for piece in pieces)


def encode(tokenizer, template: dict, query: str, document: str, limit: int) -> tuple[list[int], bool]:
    """Gives the ids of a pair and whether it was cut.

    The whole text is tokenised in one go when it fits. Otherwise query and document are tokenised alone, cut
    longest_first to what the fixed pieces leave, and joined. Raises ValueError when the fixed pieces do not fit.
    """

    ids = partial(token_ids, tokenizer)
    whole = ids(formatted(template, query, document))
    if len(whole) <= limit:
        return whole, False
    before, after = ids(template["prefix"]), ids(template["suffix"])
    between = ids(template["query_suffix"] + template["separator"])
    first = ids(template["query_prefix"] + query)
    second = ids(document_text(template, document))
    budget = limit - len(before) - len(between) - len(after)
    if budget < 0:
        raise ValueError("the fixed pieces of the pair template do not fit into the limit")
    keep_first, keep_second = shares(len(first), len(second), budget)
    return before + first[:keep_first] + between + second[:keep_second] + after, True


def piecewise(tokenizer, template: dict, query: str, document: str) -> list[int]:
    """Gives the ids when each of the five segments is tokenised alone; equal to those of the whole text."""
    pieces = [
        template["prefix"],
        query_text(template, query),
        template["separator"],
        document_text(template, document),
        template["suffix"],
    ]
    return [i for piece in pieces for i in token_ids(tokenizer, piece)]

"""Owns the lexical part of the graph: exact and soft matches of query and document, and their learned weights.

Both models show these features to their encoder and to their score head. Every statistic is masked, so padding
changes nothing.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from lexical import BIGRAM_BASE, BIGRAM_BUCKETS, FIRST_TOKEN

SATURATION = 1.0  # BM25 k1 before training
WINDOW, STRIDE = 32, 16  # tokens; a stride of half the window lets max-pooling pad without leaving gaps
KERNELS = (0.3, 0.5, 0.7, 0.9)  # centres of the soft-match histogram, cosine
KERNEL_SHARPNESS = 50.0
TOKEN_FEATURES = 8
PAIR_FEATURES = 22
LEAD = 16  # tokens; where a document names its topic


class Matches(nn.Module):
    """BM25-like statistics of a pair, with a learned weight for every piece and every bucket of bigrams."""

    def __init__(self, vocab_size, soft_width):
        super().__init__()
        self.word_weight = nn.Embedding(vocab_size, 1)
        self.bigram_weight = nn.Embedding(BIGRAM_BUCKETS, 1)
        self.k1 = nn.Parameter(torch.full((2,), math.log(SATURATION)))
        self.soft = nn.Embedding(vocab_size, soft_width)

    @torch.no_grad()
    def start(self, idf=None, embeddings=None):
        """Rarity weights from the idf `[vocab + buckets]`, soft matches from the leading columns of the embeddings."""
        vocab_size, soft_width = self.soft.weight.shape
        if embeddings is not None:
            self.soft.weight.copy_(torch.from_numpy(embeddings[:, :soft_width]))
        if idf is not None:
            weights = torch.from_numpy(idf)[:, None] / 10
            self.word_weight.weight.copy_(weights[:vocab_size])
            self.bigram_weight.weight.copy_(weights[vocab_size:])

    def forward(self, input_ids, mask, token_type_ids):
        """Token features `[pairs, seqLen, 8]`, pair features `[pairs, 22]`, rarity share of each query token."""
        document = token_type_ids.float() * mask
        content = (input_ids >= FIRST_TOKEN).float()
        query, document = (mask - document) * content, document * content
        next_query, next_document = query * F.pad(query[:, 1:], (0, 1)), document * F.pad(document[:, 1:], (0, 1))
        ids = input_ids.int()
        keys = ids * BIGRAM_BASE + F.pad(ids[:, 1:], (0, 1))
        weight = self.word_weight(input_ids)[:, :, 0]
        pair_weight = self.bigram_weight(torch.remainder(keys, BIGRAM_BUCKETS).long())[:, :, 0]

        same = match(ids, query, document)
        same_pair = match(keys, next_query, next_document)
        found, found_pair = same.sum(2), same_pair.sum(2)  # of query positions, how often in the document
        asked, asked_pair = same.sum(1), same_pair.sum(1)  # of document positions, how often in the query

        soft = self.soft(input_ids)
        soft = soft * (soft.square().sum(2, keepdim=True) + 1e-6).rsqrt()
        cosine = soft @ soft.transpose(1, 2)
        nearest = (cosine + ((document - 1) * 4)[:, None, :]).amax(2).clamp(min=-1)
        nearest_query = (cosine + ((query - 1) * 4)[:, :, None]).amax(1).clamp(min=-1)

        length = document.sum(1, keepdim=True)
        norm = 0.3 + 0.7 * (length / 100 + 1e-6).sqrt()  # gentler than BM25, which knows the mean length of its corpus
        query_weight, query_pair_weight = (query * weight).relu(), (next_query * pair_weight).relu()
        total, total_pair = query_weight.sum(1, keepdim=True) + 0.05, query_pair_weight.sum(1, keepdim=True) + 0.05
        share, share_pair = query_weight / total, query_pair_weight / total_pair
        k1 = self.k1.exp()
        saturated, saturated_pair = found / (found + k1[0] * norm), found_pair / (found_pair + k1[1] * norm)
        has, has_pair = found.clamp(max=1), found_pair.clamp(max=1)
        near = share * nearest
        lead = document * (document.cumsum(1) <= LEAD).float()
        in_lead = (same @ lead[:, :, None])[:, :, 0].clamp(max=1)
        offered = document * weight.relu()
        answered, answered_pair = asked.clamp(max=1), asked_pair.clamp(max=1)
        lead_weight, lead_pair_weight = lead * offered, lead * next_document * pair_weight.relu()
        kernels = [(share * (-KERNEL_SHARPNESS * (nearest - mu).square()).exp()).sum(1, keepdim=True) for mu in KERNELS]
        pair_features = torch.cat(
            [
                (share * saturated).sum(1, keepdim=True),
                (share * has).sum(1, keepdim=True),
                (share_pair * saturated_pair).sum(1, keepdim=True),
                (share_pair * has_pair).sum(1, keepdim=True),
                (query_weight * saturated).sum(1, keepdim=True) / 3,
                (query_pair_weight * saturated_pair).sum(1, keepdim=True) / 3,
                near.sum(1, keepdim=True),
                *kernels,
                densest(same, share),
                densest(same_pair, share_pair),
                (query_weight * (1 - has)).amax(1, keepdim=True),
                (query_weight * has).amax(1, keepdim=True),
                (length + 1).log() / 5,
                (query.sum(1, keepdim=True) + 1).log() / 3,
                total / 5,
                (share * in_lead).sum(1, keepdim=True),
                ratio(lead_weight * answered, lead_weight),
                ratio(lead_pair_weight * answered_pair, lead_pair_weight),
                ratio(offered * answered, offered),
            ],
            dim=1,
        )
        matched, matched_pair = (found + asked).clamp(max=1), (found_pair + asked_pair).clamp(max=1)
        token_features = torch.stack(
            [
                matched,
                matched_pair,
                F.pad(matched_pair[:, :-1], (1, 0)),
                weight * (query + document),
                weight * matched,
                pair_weight * matched_pair,
                (found + asked + 1).log() * 0.5,
                nearest * query + nearest_query * document,
            ],
            dim=2,
        )
        return token_features, pair_features, share


@torch.no_grad()
def start_as_bm25(linear):
    """A linear layer over the pair features that ranks by coverage of the query before anything is trained."""
    linear.weight.zero_()
    linear.weight[0, :4] = torch.tensor([6.0, 2.0, 6.0, 2.0])  # saturated and plain coverage
    linear.bias.fill_(-4)


def match(keys, query, document):
    """1 where query position i and document position j hold the same key, float `[pairs, seqLen, seqLen]`."""
    asked = torch.where(query > 0, keys, -1)
    offered = torch.where(document > 0, keys, -2)
    return (asked[:, :, None] == offered[:, None, :]).float()


def ratio(part, whole):
    """Sum of the part over the sum of the whole, `[pairs, 1]`, near 0 where both are empty."""
    return part.sum(1, keepdim=True) / (whole.sum(1, keepdim=True) + 0.05)


def densest(same, share):
    """Largest share of the query's weight found inside one window of the document, `[pairs, 1]`."""
    seen = F.max_pool2d(same[:, None], (1, WINDOW), (1, STRIDE), (0, WINDOW // 2))[:, 0]
    return (share[:, None, :] @ seen)[:, 0].amax(1, keepdim=True)

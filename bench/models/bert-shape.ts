// Pure: sizes of a BERT encoder and the work they imply.

/** Sizes of a BERT sequence-classification model with one label. */
export interface BertShape {
  readonly name: string;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediate: number;
  readonly vocabulary: number;
  readonly positions: number;
}

/** Shape of ms-marco-MiniLM-L6-v2. */
export const MINILM: BertShape = {
  name: 'minilm-l6-h384',
  hidden: 384,
  layers: 6,
  heads: 12,
  intermediate: 1536,
  vocabulary: 30522,
  positions: 512,
};

/** Shape of bert-base-uncased. */
export const BERT_BASE: BertShape = {
  name: 'bert-base',
  hidden: 768,
  layers: 12,
  heads: 12,
  intermediate: 3072,
  vocabulary: 30522,
  positions: 512,
};

/**
 * Floating point operations of the matrix multiplications of one pair; a multiply-add counts two.
 *
 * Per layer and token: 8 h^2 (Q, K, V, output) + 4 h i (feed-forward) + 4 h L (scores and weighted sum over L tokens). Pooler and classifier
 * (2 h^2 + 2 h a pair) are included; embeddings, softmax, normalisation and GELU are not: they are no matrix multiplications.
 *
 * @param tokens of the pair, special tokens included, padding not
 */
export function pairFlops(
  { hidden, layers, intermediate }: Pick<BertShape, 'hidden' | 'layers' | 'intermediate'>,
  tokens: number,
): number {
  const perToken = 8 * hidden ** 2 + 4 * hidden * intermediate + 4 * hidden * tokens;
  return layers * tokens * perToken + 2 * hidden ** 2 + 2 * hidden;
}

// Pure: what a call asks of the tokens, checked, in the form the workers take.

import { RerankError } from '../errors.ts';
import type { Chunking, EncodeOptions } from '../protocol.ts';
import type { ScoringOptions } from './types.ts';

/** A passage this share of a window long is whole in some chunk; the work grows by a third at most. */
const DEFAULT_OVERLAP_SHARE = 0.25;

/**
 * @param numLabels of the model: the best of several chunks is only known for one label
 * @throws RerankError `validation` naming the field on a count out of range, or chunks on a model with several labels
 */
export function encodeOptions(options: ScoringOptions, numLabels: number): EncodeOptions {
  const { maxLength, truncationSide, maxTokensPerDocument } = options;
  checkCount('max_tokens_per_doc', maxTokensPerDocument, 1);
  return { maxLength, truncationSide, maxTokensPerDocument, chunking: chunking(options, numLabels) };
}

function chunking({ longDocuments, chunkOverlap, maxChunksPerDocument }: ScoringOptions, numLabels: number): Chunking | null {
  checkCount('chunk_overlap', chunkOverlap, 0);
  checkCount('max_chunks_per_doc', maxChunksPerDocument, 1);
  if (longDocuments === 'truncate') return null;
  if (numLabels !== 1) throw severalLabels(numLabels);
  const overlap = chunkOverlap === null ? { share: DEFAULT_OVERLAP_SHARE } : { tokens: chunkOverlap };
  return { overlap, maxChunks: maxChunksPerDocument };
}

function checkCount(field: string, value: number | null, least: number): void {
  if (value === null || (Number.isInteger(value) && value >= least)) return;
  throw new RerankError('validation', `${field} must be an integer of at least ${least}, got ${value}`, { field });
}

function severalLabels(numLabels: number): RerankError {
  const message = `long_documents 'chunk' needs a model with one label, for there is no best of several chunks otherwise; this one has ${numLabels}`;
  return new RerankError('validation', message, { field: 'long_documents' });
}

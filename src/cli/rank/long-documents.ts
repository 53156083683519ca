// The flags of `crossrank rank` for documents that the model cannot take whole.

import { Option } from 'commander';
import type { ScoringOptions } from '../../rerank/types.ts';
import { CommandError } from '../exit-codes.ts';
import { wholeFrom } from './flag-values.ts';
import type { RunParameters } from './resume.ts';

export type LongDocumentSettings = Pick<
  ScoringOptions,
  'truncationSide' | 'maxTokensPerDocument' | 'longDocuments' | 'chunkOverlap' | 'maxChunksPerDocument'
>;

/** As commander leaves them. */
export interface TypedLongDocuments {
  readonly truncationSide?: 'left' | 'right';
  readonly maxTokensPerDoc?: number;
  readonly longDocuments?: 'truncate' | 'chunk';
  readonly chunkOverlap?: number;
  readonly maxChunks?: number;
}

export function longDocumentFlags(): Option[] {
  return [
    new Option('--long-documents <how>', 'cut them, or score overlapping chunks and keep the best (default: truncate)').choices([
      'truncate',
      'chunk',
    ]),
    new Option('--chunk-overlap <tokens>', 'tokens that neighbouring chunks share (default: a quarter of a chunk)').argParser(
      wholeFrom(0),
    ),
    new Option('--max-chunks <count>', 'most chunks of one document, the first ones (default: all)').argParser(wholeFrom(1)),
    new Option('--max-tokens-per-doc <tokens>', 'look at so many tokens of a document (default: all that fit)').argParser(
      wholeFrom(1),
    ),
    new Option('--truncation-side <side>', 'end of a text that loses tokens (default: from the model)').choices([
      'left',
      'right',
    ]),
  ];
}

/** @throws CommandError `usage` when a flag would have no effect */
export function readLongDocuments(typed: TypedLongDocuments): LongDocumentSettings {
  const { truncationSide = null, maxTokensPerDoc = null, longDocuments = 'truncate' } = typed;
  const { chunkOverlap = null, maxChunks = null } = typed;
  if (longDocuments === 'truncate' && (chunkOverlap !== null || maxChunks !== null))
    throw new CommandError('usage', `${chunkOverlap === null ? '--max-chunks' : '--chunk-overlap'} needs --long-documents chunk`);
  return {
    truncationSide,
    maxTokensPerDocument: maxTokensPerDoc,
    longDocuments,
    chunkOverlap,
    maxChunksPerDocument: maxChunks,
  };
}

/** Null for defaults, as for what a run does not have. */
export function longDocumentParameters(settings: LongDocumentSettings): RunParameters {
  return {
    '--long-documents': settings.longDocuments === 'truncate' ? null : settings.longDocuments,
    '--chunk-overlap': settings.chunkOverlap,
    '--max-chunks': settings.maxChunksPerDocument,
    '--max-tokens-per-doc': settings.maxTokensPerDocument,
    '--truncation-side': settings.truncationSide,
  };
}

// What the results of a run depend on, under names a person knows: a run resumes with the same, or not at all.

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import type { Dtype, ModelSpec } from '../../protocol.ts';
import { VERSION } from '../../version.ts';
import { longDocumentParameters } from './long-documents.ts';
import type { RankSettings } from './options.ts';
import type { Query } from './queries.ts';
import type { RunParameters } from './resume.ts';
import type { Source } from './sources.ts';

export interface ParameterSources {
  readonly spec: ModelSpec;
  readonly settings: RankSettings;
  readonly dtype: Dtype;
  readonly queries: readonly Query[];
  readonly sources: readonly Source[];
  /** Text that will stand before every query. */
  readonly prompt: string;
}

/**
 * Workers are not among them (scores do not depend on their number), nor is `--skip-invalid`: a run that stopped at an
 * invalid line may go on with it.
 */
export function runParameters({ spec, settings, dtype, queries, sources, prompt }: ParameterSources): RunParameters {
  return {
    crossrank: VERSION,
    model: spec.directory,
    weights: `${spec.onnxFile} (${sizeText(statSync(spec.onnxFile).size)})`,
    '--dtype': dtype,
    '--max-length': spec.maxLength,
    '--activation-fn': settings.activation ?? spec.activation,
    '--pair-template': spec.pairTemplate === null ? null : JSON.stringify(spec.pairTemplate),
    '--prompt': prompt,
    '--batch-size': settings.batchSize,
    ...longDocumentParameters(settings),
    queries: `${queries.length} (sha256 ${digestOf(queries)})`,
    documents: sources.map(({ name, sizeBytes }) => `${name} (${sizeText(sizeBytes)})`).join(' '),
    '--format': settings.format,
    '--text-field': settings.textField,
    '--column': settings.column,
    '--no-header': !settings.header,
    '--top-k': settings.topK,
    '--unsorted': settings.unsorted,
    '--no-documents': !settings.documents,
    results: settings.kind,
  };
}

function digestOf(queries: readonly Query[]): string {
  return createHash('sha256').update(JSON.stringify(queries)).digest('hex').slice(0, 16);
}

function sizeText(bytes: number | null): string {
  return bytes === null ? 'unknown size' : `${bytes} bytes`;
}

// Cohere's `meta`, which the superset answers with too; the place where shortened and chunked documents are reported.

import { z } from 'zod';
import type { CallFacts } from '../../../rerank/types.ts';
import type { RenderContext } from '../dialect.ts';

const DOCUMENTS_PER_SEARCH_UNIT = 100; // Cohere bills one unit for a query with up to so many documents

export const metaSchema = z.strictObject({
  api_version: z.strictObject({ version: z.string(), is_experimental: z.boolean().optional() }),
  billed_units: z.strictObject({ search_units: z.int() }),
  warnings: z.array(z.string()).optional(),
  truncated: z.array(z.int()).optional(),
  chunks: z.array(z.int()).optional(),
});

/**
 * @param version   `1` or `2`
 * @param documents how many were sent
 * @returns `warnings` and `truncated` only when documents were shortened, `chunks` (scored, for each document) only when some were chunked
 */
export function cohereMeta(
  { truncated, chunks }: CallFacts,
  version: '1' | '2',
  documents: number,
  { model }: RenderContext,
): z.infer<typeof metaSchema> {
  return {
    api_version: { version, ...(version === '2' && { is_experimental: false }) },
    billed_units: { search_units: Math.ceil(documents / DOCUMENTS_PER_SEARCH_UNIT) },
    ...(truncated.length > 0 && {
      warnings: [`${truncated.length} of ${documents} documents were shortened to fit the model's ${model.maxLength} tokens`],
      truncated: [...truncated],
    }),
    ...(chunks && { chunks: [...chunks] }),
  };
}

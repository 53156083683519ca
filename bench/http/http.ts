// Part 3: what HTTP costs. The real server on loopback beside the same pool driven directly with the same texts.

import { embedded, minilm } from '../models/bench-models.ts';
import { atLeast, type BenchContext, type PartResult, type Wanted } from '../part.ts';
import type { Row } from '../report/table.ts';
import { type HttpCase, type LoadFigures, measureSize, SATURATING, type ShareFigures } from './measure.ts';
import { ServerProcess } from './server-process.ts';

export async function http(context: BenchContext): Promise<PartResult> {
  const loads: LoadFigures[] = [];
  const shares: ShareFigures[] = [];
  for (const each of await cases(context)) {
    const server = await ServerProcess.start({ directory: each.model.directory, workers: context.cores });
    try {
      for (const documents of Object.keys(each.sizes).map(Number)) {
        context.say(`http: ${each.model.title}, ${documents} documents a request`);
        const measured = await measureSize(each, documents, server, context.cores);
        loads.push(...measured.loads);
        shares.push(measured.share);
      }
    } finally {
      await server.stop();
    }
  }
  return {
    tables: [
      { title: `http: ${context.cores} workers, load generator on the same cores`, rows: loads.map(loadRow) },
      { title: `http beside the bare pool, ${SATURATING} requests at once, documents a second`, rows: shares.map(shareRow) },
    ],
    wanted: shares.flatMap(wanted),
    charts: [chart(loads, shares)],
    results: { note: 'The load generator (autocannon) runs on the cores it measures.', loads, shares },
  };
}

async function cases({ quick }: BenchContext): Promise<HttpCase[]> {
  if (quick) {
    const sizes = { 16: { distinct: 16, repeat: 2 }, 200: { distinct: 8, repeat: 1 } };
    const limits = { minRounds: 1, maxRounds: 2, budgetMs: 3_000 };
    return [{ model: embedded(), sizes, connections: [1, 32], limits, longestSeconds: 4 }];
  }
  const common = { connections: [1, 32], limits: { minRounds: 1, maxRounds: 5, budgetMs: 50_000 }, longestSeconds: 60 };
  return [
    { ...common, model: minilm(), sizes: { 16: { distinct: 32, repeat: 1 }, 200: { distinct: 8, repeat: 1 } } },
    { ...common, model: embedded(), sizes: { 16: { distinct: 64, repeat: 4 }, 200: { distinct: 16, repeat: 2 } } },
  ];
}

function loadRow(figures: LoadFigures): Row {
  return {
    model: figures.model,
    connections: figures.connections,
    documents: figures.documents_per_request,
    requests: figures.requests,
    'p50 ms': figures.p50_ms,
    'p99 ms': figures.p99_ms,
    'documents/s': figures.documents_per_second,
    'generator cores': figures.generator_cores,
  };
}

function shareRow({ model, documents_per_request, bare, http: over, share }: ShareFigures): Row {
  return {
    model,
    documents: documents_per_request,
    'bare pool': bare.median,
    'p25-p75': `${bare.p25}-${bare.p75}`,
    http: over.median,
    'p25-p75 ': `${over.p25}-${over.p75}`,
    'kept %': 100 * share,
    rounds: bare.rounds,
  };
}

function wanted({ model, documents_per_request, share }: ShareFigures): Wanted[] {
  if (documents_per_request !== 200) return [];
  return [atLeast(`${model}: HTTP keeps of the bare pool's speed at 200 documents`, share, 0.9)];
}

function chart(loads: readonly LoadFigures[], shares: readonly ShareFigures[]): PartResult['charts'][number] {
  const models = [...new Set(loads.map(({ model }) => model))];
  const panels = models.flatMap((model) =>
    [...new Set(loads.map((each) => each.documents_per_request))].map((documents) => ({
      title: `${model}, ${documents} documents a request`,
      unit: 'documents a second',
      bars: [
        ...loads
          .filter((each) => each.model === model && each.documents_per_request === documents)
          .map((each) => ({
            label: `HTTP, ${each.connections} connection${each.connections === 1 ? '' : 's'}`,
            value: each.documents_per_second,
            accent: true,
            note: `p50 ${Math.round(each.p50_ms).toLocaleString('en-US')} ms`,
          })),
        ...shares
          .filter((each) => each.model === model && each.documents_per_request === documents)
          .map(({ bare }) => ({ label: 'worker pool without HTTP', value: bare.median })),
      ],
    })),
  );
  return { name: 'http', title: 'Over HTTP, beside the worker pool driven directly', subtitle: 'mixed lengths', panels };
}

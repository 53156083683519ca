// Part 4: memory and start. Plain weights beside a prepared copy on the BERT-base shape.

import { bertBase, minilm } from '../models/bench-models.ts';
import { atLeast, atMost, type BenchContext, type PartResult, type Wanted } from '../part.ts';
import type { Panel } from '../report/chart.ts';
import type { Row } from '../report/table.ts';
import { type Spread, significant } from '../statistics.ts';
import { type CopyFigures, measureCopy, type VariantFigures, WORKERS } from './measure.ts';

export async function memory(context: BenchContext): Promise<PartResult> {
  const { quick } = context;
  const model = quick ? minilm() : bertBase();
  context.say(`memory: plain and prepared, ${model.title}`);
  const copy = await measureCopy(model, quick ? 2 : 5);
  return {
    tables: [{ title: `memory and start: ${copy.model}, weights ${copy.weights_mib} MiB`, rows: copy.variants.map(row) }],
    // Too little was done in a quick run, and on too small a model, to judge.
    wanted: wantedOfCopy(copy).map((each) => (quick ? { ...each, met: null } : each)),
    charts: [chart(copy)],
    results: { copy },
  };
}

function row(figures: VariantFigures): Row {
  return {
    variant: figures.variant,
    'first session ms': figures.first_session_ms.median,
    'further session ms': figures.further_session_ms.median,
    'private MiB a further worker': figures.private_mib_per_further_worker.median,
    'start, 2 workers ms': figures.start_ms.median,
    'pairs/s': figures.pairs_per_second.median,
  };
}

function wantedOfCopy({ model, weights_mib, variants, largest_logit_difference }: CopyFigures): Wanted[] {
  const plain = variants.find(({ variant }) => variant === 'plain')!;
  const prepared = variants.find(({ variant }) => variant === 'prepared')!;
  const ratio = (a: Spread, b: Spread): number => significant(a.median / b.median);
  const starts = ratio(prepared.start_ms, plain.start_ms);
  const added = significant(prepared.private_mib_per_further_worker.median / weights_mib);
  return [
    atMost(`${model}: private memory of a further prepared worker over weights`, added, 0.15),
    atMost(`${model}: first prepared session over plain, time`, ratio(prepared.first_session_ms, plain.first_session_ms), 0.25),
    atMost(
      `${model}: further prepared session over plain, time`,
      ratio(prepared.further_session_ms, plain.further_session_ms),
      0.25,
    ),
    atMost(`${model}: start with ${WORKERS} prepared workers over plain, time`, starts, 0.5),
    atLeast(
      `${model}: prepared over plain, pairs/s`,
      ratio(prepared.pairs_per_second, plain.pairs_per_second),
      0.98,
      'within 2 %',
    ),
    atMost(`${model}: largest difference of logits`, largest_logit_difference, 1e-6),
  ];
}

function chart({ model, variants }: CopyFigures): PartResult['charts'][number] {
  const panel = (title: string, unit: string, value: (figures: VariantFigures) => number): Panel => ({
    title,
    unit,
    bars: variants.map((each) => ({ label: each.variant, value: value(each), accent: each.variant === 'prepared' })),
  });
  return {
    name: 'memory',
    title: `Plain and prepared weights, ${model}`,
    subtitle: 'medians',
    panels: [
      panel('Private memory of a further worker', 'MiB', (each) => each.private_mib_per_further_worker.median),
      panel('Opening the first session of a process', 'ms', (each) => each.first_session_ms.median),
      panel('Opening a further session', 'ms', (each) => each.further_session_ms.median),
      panel('Process start to two warm workers', 'ms', (each) => each.start_ms.median),
    ],
  };
}

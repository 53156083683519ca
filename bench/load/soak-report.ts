// Pure: figures of part `soak` -> tables, wanted figures, chart.

import { atMost, type PartResult, type Wanted } from '../part.ts';
import type { LinePanel } from '../report/line-panel.ts';
import type { Row } from '../report/table.ts';
import { median, percentile, significant } from '../statistics.ts';
import type { GeneratorFigures, LoadRecord } from './open-loop.ts';
import { flatness, slope } from './sample-figures.ts';
import type { Sample } from './sampler.ts';
import { SLOW_KINDS, type SlowConnection, type SlowKind } from './slow-clients.ts';
import { countOutcomes, isWrong, latencies } from './summary.ts';

/** Of the server under soak, in seconds; `queueSeconds` is what may wait. */
export const SOAK_TIMEOUTS = {
  queueSeconds: 5,
  requestSeconds: 10,
  headersSeconds: 5,
  bodySeconds: 10,
  keepAliveSeconds: 8,
} as const;

export interface Phase {
  readonly name: 'alone' | 'beside';
  /** ms since 1970. */
  readonly startedAt: number;
  readonly seconds: number;
  readonly steady: readonly LoadRecord[];
  readonly bursts: readonly LoadRecord[];
  readonly generator: GeneratorFigures;
}

export interface SoakFigures {
  /** Alone, then beside slow clients. */
  readonly phases: readonly [Phase, Phase];
  readonly slow: readonly SlowConnection[];
  readonly samples: readonly Sample[];
  /** Before any load. */
  readonly atRest: Sample;
  readonly documentsPerSecond: number;
}

/** Node looks for late connections once a second and gives an idle one a second of grace. */
const CUT_GRACE_SECONDS = 3;

/** What cuts each kind. A `vanish` ends itself. */
const CUT_AFTER: Readonly<Record<SlowKind, number | null>> = {
  headers: SOAK_TIMEOUTS.headersSeconds,
  body: SOAK_TIMEOUTS.bodySeconds,
  silent: SOAK_TIMEOUTS.headersSeconds,
  half: SOAK_TIMEOUTS.bodySeconds,
  vanish: null,
  idle: SOAK_TIMEOUTS.keepAliveSeconds,
};

/** On busy cores, with megabytes of JSON among the requests. */
const LOOP_P99_MS = 100;
const RSS_SHARE_PER_HOUR = 0.2;

/** A slope from less would say how the server warms up. */
const SLOPE_SECONDS = 600;

const DESCRIPTORS_FLAT = 1.1;
const STARVED = 1.5;

/** Of the samples, for the JSON file and the chart. */
const KEPT_SAMPLES = 240;

export function soakResult(figures: SoakFigures): PartResult {
  const { phases, samples, slow, documentsPerSecond } = figures;
  const kinds = SLOW_KINDS.map((kind) => slowRow(kind, slow));
  const classes = phases.flatMap(classRows);
  return {
    tables: [
      {
        title: `soak: capacity ${Math.round(documentsPerSecond)} documents/s, half of it offered, bursts above it`,
        rows: classes,
      },
      { title: `soak: clients that hold connections`, rows: kinds },
    ],
    wanted: wanted(figures),
    charts: [
      {
        name: 'soak',
        title: `${Math.round(phases.reduce((sum, { seconds }) => sum + seconds, 0) / 60)} minutes of mixed traffic`,
        subtitle: 'crossrank-mini, bursts of twice the capacity; slow and silent clients from the second part on',
        panels: panels(figures),
      },
    ],
    results: {
      note: 'Latencies count from the planned arrival. health_ms: a /health there and back while all this goes on.',
      timeouts_seconds: SOAK_TIMEOUTS,
      documents_per_second: significant(documentsPerSecond),
      classes,
      slow_clients: kinds,
      generator_cores: phases.map(({ generator }) => significant(generator.cores)),
      samples: thinned(samples).map(rounded),
    },
  };
}

function classRows({ name, steady, bursts }: Phase): Row[] {
  const labels = [...new Set(steady.map(({ label }) => label))].sort();
  const row = (load: string, label: string, records: readonly LoadRecord[]): Row => {
    const { p50_ms, p99_ms, max_ms } = latencies(records.filter(({ status }) => status === 200));
    return {
      phase: name,
      load,
      class: label,
      requests: records.length,
      'p50 ms': finite(p50_ms),
      'p99 ms': finite(p99_ms),
      'max ms': finite(max_ms),
      wrong: records.filter(isWrong).length,
      outcomes: Object.entries(countOutcomes(records))
        .map(([outcome, count]) => `${outcome}: ${count}`)
        .join(', '),
    };
  };
  return [
    ...labels.map((label) =>
      row(
        'steady',
        label,
        steady.filter((each) => each.label === label),
      ),
    ),
    row('burst', 'all', bursts),
  ];
}

function slowRow(kind: SlowKind, slow: readonly SlowConnection[]): Row {
  const of = slow.filter((each) => each.kind === kind);
  const cut = of.filter((each) => each.cut);
  return {
    client: kind,
    connections: of.length,
    'cut by the server': cut.length,
    'after s, median': cut.length === 0 ? null : significant(median(cut.map(({ livedMs }) => livedMs)) / 1000),
    'after s, most': of.length === 0 ? null : significant(Math.max(...of.map(({ livedMs }) => livedMs)) / 1000),
    'timeout s': CUT_AFTER[kind],
    said: [...new Set(of.map(({ said }) => said))].filter((said) => said !== '').join('; '),
  };
}

function wanted({ phases: [alone, beside], slow, samples, atRest }: SoakFigures): Wanted[] {
  const all = [alone, beside].flatMap(({ steady, bursts }) => [...steady, ...bursts]);
  const under = samples.filter(({ at }) => at >= beside.startedAt && at < beside.startedAt + beside.seconds * 1000);
  const rss = under.map(({ rss_mib }) => rss_mib);
  const perHour = slope(under.map(({ at, rss_mib }) => [(at - under[0]!.at) / 3.6e6, rss_mib])) / median(rss);
  const long = beside.seconds >= SLOPE_SECONDS;
  const p99 = ({ steady }: Phase): number => latencies(steady.filter(({ label, right }) => label === 'small' && right)).p99_ms;
  const overdue = slow.map(({ kind, livedMs }) => livedMs / 1000 - (CUT_AFTER[kind] ?? Number.POSITIVE_INFINITY));
  const checks = [
    atMost('wrong answers', all.filter(isWrong).length, 0),
    atMost('answers of 500', all.filter(({ status }) => status === 500).length, 0),
    atMost('requests without an answer', all.filter(({ error }) => error !== null && error !== 'left').length, 0),
    atMost('growth of memory in an hour, share', long ? significant(perHour) : null, RSS_SHARE_PER_HOUR),
    atMost(
      'file descriptors of the last third over the first',
      flatness(under.map(({ descriptors }) => descriptors)),
      DESCRIPTORS_FLAT,
    ),
    atMost('file descriptors left open by it all', samples.at(-1)!.descriptors - atRest.descriptors, 0),
    atMost('threads left by it all', samples.at(-1)!.threads - atRest.threads, 0),
    atMost('p99 of /health, ms', p99Of(samples.map(({ health_ms }) => health_ms)), LOOP_P99_MS),
    atMost(
      'event-loop delay by /metrics, p99 of each second, ms',
      p99Of(samples.map(({ loop_p99_ms }) => loop_p99_ms)),
      LOOP_P99_MS,
    ),
    atMost('slow clients: seconds past their timeout, most', significant(Math.max(...overdue)), CUT_GRACE_SECONDS),
    atMost('p99 of 5 documents beside slow clients over without', significant(p99(beside) / p99(alone)), STARVED),
  ];
  return checks.map((check) => ({ ...check, name: `soak: ${check.name}` }));
}

function panels({ samples, phases }: SoakFigures): LinePanel[] {
  const start = samples[0]!.at;
  const over = (pick: (sample: Sample) => number): [number, number][] =>
    thinned(samples).map((sample) => [(sample.at - start) / 60_000, pick(sample)]);
  const xUnit = 'minutes';
  const beside = `slow clients from minute ${((phases[1].startedAt - start) / 60_000).toFixed(1)}`;
  return [
    {
      title: 'Memory',
      unit: 'MiB',
      xUnit,
      lines: [
        { label: 'resident', points: over(({ rss_mib }) => rss_mib) },
        { label: 'heap of the main thread', points: over(({ heap_mib }) => heap_mib) },
      ],
    },
    {
      title: `Open files, ${beside}`,
      unit: 'number',
      xUnit,
      lines: [
        { label: 'file descriptors', points: over(({ descriptors }) => descriptors) },
        { label: 'of them sockets', points: over(({ sockets }) => sockets) },
        { label: 'threads', points: over(({ threads }) => threads) },
      ],
    },
    {
      title: 'Main thread',
      unit: 'ms',
      xUnit,
      lines: [
        { label: '/health there and back', points: over(({ health_ms }) => health_ms) },
        { label: 'event-loop delay, p99', points: over(({ loop_p99_ms }) => loop_p99_ms) },
      ],
      level: { label: `wanted: ${LOOP_P99_MS} ms`, y: LOOP_P99_MS },
    },
  ];
}

/** null when nothing was measured. */
function p99Of(values: readonly number[]): number | null {
  return finite(significant(percentile(values.filter(Number.isFinite), 0.99)));
}

function rounded(sample: Sample): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(sample).map(([name, value]) => [name, name === 'at' ? value : finite(significant(value))]),
  );
}

/** Every n-th. */
function thinned(samples: readonly Sample[]): readonly Sample[] {
  const step = Math.max(1, Math.ceil(samples.length / KEPT_SAMPLES));
  return samples.filter((_, index) => index % step === 0);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

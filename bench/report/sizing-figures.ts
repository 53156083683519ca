// Pure: committed results -> the figures of docs/sizing.md. A test ties the page to them, so no figure stands there that no result holds.

import { hasInt8Dot } from '../machine.ts';
import type { SizingFigures } from '../sizing/sizing.ts';
import { figure } from './figure.ts';

/** Of a file's provenance. */
interface Measured {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly flags: readonly string[] };
}

interface EngineFile extends Measured {
  readonly results: readonly {
    readonly model: string;
    readonly pairs: number;
    readonly tokens: number;
    readonly plans: readonly { readonly plan: string; readonly pairs_per_second: number; readonly tokens_per_second: number }[];
  }[];
}

interface PoolFile extends Measured {
  readonly results: readonly {
    readonly model: string;
    readonly alternatives: readonly {
      readonly alternative: string;
      readonly documents_per_second: number;
      readonly over_one_worker: number;
    }[];
  }[];
}

interface HttpFile extends Measured {
  readonly shares: readonly { readonly model: string; readonly documents_per_request: number; readonly share: number }[];
}

interface MemoryFile extends Measured {
  readonly copy: {
    readonly model: string;
    readonly weights_mib: number;
    readonly variants: readonly {
      readonly variant: string;
      readonly private_mib_per_further_worker: { readonly median: number };
    }[];
  };
}

interface GrowthEntry {
  readonly model: string;
  readonly requests: readonly number[];
  readonly resident_mib: readonly number[];
}

/** The files of bench/results, parsed. */
export interface SizingSources {
  readonly engine: EngineFile;
  readonly pool: PoolFile;
  readonly http: HttpFile;
  readonly memory: MemoryFile;
  readonly growth: Measured & Readonly<Record<string, unknown>>;
  /** null before `npm run bench -- --only sizing` has run. */
  readonly sizing: (SizingFigures & Measured) | null;
}

/** Part of the page -> its Markdown. The page holds each between `<!-- name -->` and `<!-- /name -->`. */
export function sizingBlocks(sources: SizingSources): Readonly<Record<string, string>> {
  const byLength = sources.sizing === null ? [] : [speedByLengthTable(sources.sizing)];
  return {
    speed: [mixedSpeedTable(sources), ...byLength, machines(sources)].join('\n\n'),
    memory: [memoryTable(sources), ...(sources.sizing === null ? [] : [replicaTable(sources.sizing)])].join('\n\n'),
    example: workedExample(sources),
  };
}

/** Which file comes from which kind of machine. */
function machines(sources: SizingSources): string {
  const files = new Map<string, string[]>();
  for (const [name, file] of Object.entries(sources) as [string, Measured | null][]) {
    if (file === null) continue;
    const { cpu, cores, flags } = file.machine;
    const kind = `${cpu}, ${cores} cores, ${vectors(flags)}`;
    files.set(kind, [...(files.get(kind) ?? []), `${name}.json`]);
  }
  return Array.from(files, ([kind, names]) => `${names.join(', ')}: ${kind}.`).join(' ');
}

/** What decides the speed of float32 and of int8. */
function vectors(flags: readonly string[]): string {
  const width = flags.includes('avx512f') ? 'AVX-512' : 'AVX2';
  return hasInt8Dot(flags) ? `${width} and VNNI` : `${width}, without VNNI`;
}

/** The page with its blocks replaced. @throws Error when it lacks one */
export function fillPage(page: string, blocks: Readonly<Record<string, string>>): string {
  return Object.entries(blocks).reduce((text, [name, block]) => {
    const [begin, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`the page has no block ${name}`);
    return `${text.slice(0, from + begin.length)}${block}${text.slice(to)}`;
  }, page);
}

/** Model beside which the example is worked: MiniLM-L6 is what most people start with. */
const EXAMPLE_MODEL = 'MiniLM-L6-H384 shape';
const PLANS = { 'ours, fp32': 'float32', 'ours, int8': 'int8' } as const;

function mixedSpeedTable({ engine, pool }: SizingSources): string {
  const rows = engine.results.flatMap(({ model, pairs, tokens, plans }) =>
    Object.entries(PLANS).map(([plan, dtype]) => {
      const speed = plans.find((each) => each.plan === plan)!;
      return [model, dtype, tokens / pairs, speed.tokens_per_second, speed.pairs_per_second, 'engine.json'] as const;
    }),
  );
  const mini = pool.results
    .filter(({ model }) => !rows.some(([other]) => other === model))
    .map(({ model, alternatives }) => [model, 'float32', null, null, rateOf(alternatives, '1 worker'), 'pool.json'] as const);
  return table(['Model', 'Weights', 'Mean tokens a pair', 'Tokens/s a core', 'Documents/s a core', 'From'], [...mini, ...rows]);
}

function speedByLengthTable({ speed }: SizingFigures): string {
  const rows = speed.map((each) => [
    each.model,
    each.dtype,
    each.tokens_per_pair,
    each.tokens_per_second,
    each.pairs_per_second,
    'sizing.json',
  ]);
  return table(['Model', 'Weights', 'Tokens of every pair', 'Tokens/s a core', 'Documents/s a core', 'From'], rows);
}

function memoryTable({ memory, growth }: SizingSources): string {
  const { model, weights_mib, variants } = memory.copy;
  const added = (name: string): number => variants.find(({ variant }) => variant === name)!.private_mib_per_further_worker.median;
  const used = growthEntries(growth).map(
    (each) =>
      [
        `${each.model}: resident, 2 workers, after ${each.requests.at(-1)} requests`,
        each.resident_mib.at(-1)!,
        'growth.json',
      ] as const,
  );
  return table(
    ['What', 'MiB', 'From'],
    [
      [`${model}: weights as the model's own file`, weights_mib, 'memory.json'],
      [`${model}: private memory of a further worker, packed copy`, added('prepared'), 'memory.json'],
      [`${model}: the same without a copy (\`--prepared off\`)`, added('plain'), 'memory.json'],
      ...used,
    ],
  );
}

/** The file has its entries beside the provenance, under their numbers. */
function growthEntries(growth: Readonly<Record<string, unknown>>): GrowthEntry[] {
  return Object.entries(growth)
    .filter(([name]) => /^\d+$/.test(name))
    .map(([, entry]) => entry as GrowthEntry);
}

function replicaTable({ replicas, cold }: SizingFigures): string {
  const rows = replicas.map((each) => {
    const first = cold.find(({ model, dtype }) => model === each.model && dtype === each.dtype)!;
    const { model, dtype, workers, anonymous_mib, file_mib, ready_ms } = each;
    return [model, dtype, workers, anonymous_mib, file_mib, first.anonymous_peak_mib, ready_ms / 1000, first.ready_ms / 1000];
  });
  const head = [
    'Model',
    'Weights',
    'Workers',
    'Own MiB',
    'Mapped MiB',
    'Peak of a first start, MiB',
    'Start, s',
    'First start, s',
  ];
  return `${table(head, rows)}\n\nFrom sizing.json; a first start is one with one worker.`;
}

/** Of the middle of the range the page names. */
const UTILISATION = 0.65;
const QUERIES_PER_SECOND = 20;
const DOCUMENTS = 50;

function workedExample({ engine, pool, http }: SizingSources): string {
  const { pairs, tokens, plans } = engine.results.find(({ model }) => model === EXAMPLE_MODEL)!;
  const { alternatives } = pool.results.find(({ model }) => model === EXAMPLE_MODEL)!;
  const share = http.shares.find((each) => each.model === EXAMPLE_MODEL && each.documents_per_request === 200)!.share;
  const length = tokens / pairs;
  const wanted = QUERIES_PER_SECOND * DOCUMENTS;
  const scaling = alternatives.find(({ alternative }) => alternative === '2 workers')!.over_one_worker;
  const replicas = (plan: string): string[] => {
    const speed = plans.find((each) => each.plan === plan)!.tokens_per_second;
    const replica = (speed / length) * scaling * share;
    return [
      `${figure(speed)} / ${figure(length)} = **${figure(speed / length)} documents/s a core**`,
      `x ${figure(scaling)} (2 workers, pool.json) x ${figure(share)} (HTTP, http.json) = **${figure(replica)} documents/s a replica**`,
      `${wanted} / (${UTILISATION} x ${figure(replica)}) = **${Math.ceil(wanted / (UTILISATION * replica))} replicas**`,
    ];
  };
  return [
    `${QUERIES_PER_SECOND} queries a second with ${DOCUMENTS} documents each, ${figure(length)} tokens a pair, the ${EXAMPLE_MODEL}, replicas of 2 workers:`,
    '',
    `1. ${QUERIES_PER_SECOND} x ${DOCUMENTS} = ${wanted} documents/s are wanted.`,
    ...Object.entries(PLANS).map(([plan, dtype], i) => `${i + 2}. ${dtype}: ${replicas(plan).join('; ')}.`),
  ].join('\n');
}

function rateOf(alternatives: PoolFile['results'][number]['alternatives'], name: string): number {
  return alternatives.find(({ alternative }) => alternative === name)!.documents_per_second;
}

function table(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const line = (cells: readonly (string | number | null)[]): string =>
    `| ${cells.map((cell) => (typeof cell === 'number' ? figure(cell) : (cell ?? '-'))).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

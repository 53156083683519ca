// Reads Prometheus' text format: what the metrics tests and the checks of dashboard and alerts look into.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  /** Series name (without `_bucket`, `_sum`, `_count`) -> type. */
  readonly types: ReadonlyMap<string, string>;
  readonly help: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
  /** The one sample of that name whose labels include these. @throws Error when there is none, or several */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;

/** @throws Error on a line that is neither comment nor sample */
export function parseExposition(text: string): Exposition {
  const lines = text.split('\n').filter((line) => line !== '');
  const samples = lines.filter((line) => !line.startsWith('#')).map(parseSample);
  return {
    types: new Map(comments(lines, 'TYPE')),
    help: new Map(comments(lines, 'HELP')),
    samples,
    value(name, labels = {}) {
      const found = samples.filter(
        (sample) => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      if (found.length !== 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`);
      return found[0]!.value;
    },
  };
}

function comments(lines: readonly string[], kind: string): [string, string][] {
  return lines
    .map((line) => new RegExp(`^# ${kind} (\\S+) (.*)$`).exec(line))
    .filter((match) => match !== null)
    .map((match) => [match[1]!, match[2]!]);
}

function parseSample(line: string): Sample {
  const [, name, labels, value] = SAMPLE.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not a sample: ${line}`);
  const pairs = [...(labels ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((match) => [match[1], match[2]]);
  return { name, labels: Object.fromEntries(pairs), value: Number(value) };
}

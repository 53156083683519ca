// A progress bar on stderr with rate and time left; on anything but a terminal it is silent.

export interface ProgressBar {
  /** @param done  of `total`; a later total replaces the first */
  readonly update: (done: number, total?: number) => void;
  readonly end: () => void;
}

const WIDTH = 30;
/** More often than this a terminal only flickers. */
const MIN_INTERVAL_MS = 100;

/** Draws `label  42%|████      | 42/100 [1.2 s, 35/s, 1.7 s left]` and redraws it in place. */
export function renderProgress(label: string, initialTotal: number, stream: NodeJS.WriteStream = process.stderr): ProgressBar {
  const started = performance.now();
  let total = initialTotal;
  let last = { at: Number.NEGATIVE_INFINITY, done: 0 };
  const draw = (done: number): void => {
    if (stream.isTTY) stream.write(`\r${progressLine(label, done, total, performance.now() - started)}\u001b[K`);
  };
  return {
    update: (done, newTotal = total) => {
      total = newTotal;
      const now = performance.now();
      if (now - last.at < MIN_INTERVAL_MS && done < total) return;
      last = { at: now, done };
      draw(done);
    },
    end: () => {
      if (stream.isTTY) stream.write('\n');
    },
  };
}

/** Pure: one line of the bar. */
export function progressLine(label: string, done: number, total: number, elapsedMs: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * WIDTH);
  const rate = elapsedMs > 0 ? (done / elapsedMs) * 1000 : 0;
  const left = rate > 0 ? (total - done) / rate : 0;
  const bar = '█'.repeat(filled) + ' '.repeat(WIDTH - filled);
  return `${label} ${Math.floor(share * 100)
    .toString()
    .padStart(3)}%|${bar}| ${done}/${total} [${seconds(elapsedMs / 1000)}, ${Math.round(rate)}/s, ${seconds(left)} left]`;
}

function seconds(value: number): string {
  if (value < 60) return `${value.toFixed(1)} s`;
  const minutes = Math.floor(value / 60);
  return `${minutes} min ${Math.floor(value % 60)} s`;
}

// A progress bar on stderr with rate and time left; on anything but a terminal it is silent.

export interface ProgressBar {
  /** @param done  of `total`; a later total replaces the first, null means unknown */
  readonly update: (done: number, total?: number | null) => void;
  /** Takes the bar off the screen; the next update draws it again. */
  readonly erase: () => void;
  readonly end: () => void;
}

const WIDTH = 30;
/** More often than this a terminal only flickers. */
const MIN_INTERVAL_MS = 100;

/** Draws `label  42%|████      | 42/100 [1.2 s, 35/s, 1.7 s left]` and redraws it in place. */
export function renderProgress(
  label: string,
  initialTotal: number | null,
  stream: NodeJS.WriteStream = process.stderr,
): ProgressBar {
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
      if (now - last.at < MIN_INTERVAL_MS && (total === null || done < total)) return;
      last = { at: now, done };
      draw(done);
    },
    erase: () => {
      if (stream.isTTY) stream.write('\r\u001b[K');
    },
    end: () => {
      if (stream.isTTY) stream.write('\n');
    },
  };
}

/** Pure: one line of the bar. Without a total there is neither bar nor time left: `label 42 [1.2 s, 35/s]`. */
export function progressLine(label: string, done: number, total: number | null, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? (done / elapsedMs) * 1000 : 0;
  const speed = `${formatSeconds(elapsedMs / 1000)}, ${Math.round(rate)}/s`;
  if (total === null) return `${label} ${done} [${speed}]`;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * WIDTH);
  const left = rate > 0 ? (total - done) / rate : 0;
  const bar = '█'.repeat(filled) + ' '.repeat(WIDTH - filled);
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  return `${label} ${percent}%|${bar}| ${done}/${total} [${speed}, ${formatSeconds(left)} left]`;
}

/** `1.2 s`, `3 min 5 s` */
export function formatSeconds(value: number): string {
  if (value < 60) return `${value.toFixed(1)} s`;
  const minutes = Math.floor(value / 60);
  return `${minutes} min ${Math.floor(value % 60)} s`;
}

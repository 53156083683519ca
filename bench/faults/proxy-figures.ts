// Pure: HAProxy's statistics in CSV -> what the faults ask of them.

export interface BackendFigures {
  /** Names of the replicas that get work and have passed a check; a new one gets work before its first. */
  readonly serving: readonly string[];
  /** Requests sent again, to the same replica or another. */
  readonly sentAgain: number;
}

const BACKEND = 'replicas';

/** @param text an HTTP answer whose body is the CSV. @throws Error when there is no backend of that name in it */
export function backendFigures(text: string): BackendFigures {
  const lines = text.split(/\r?\n/);
  const head = lines.findIndex((line) => line.startsWith('# pxname,'));
  const columns = (lines[head] ?? '').slice(2).split(',');
  const rows = lines
    .slice(head + 1)
    .map((line) => line.split(','))
    .filter(([name]) => name === BACKEND);
  const cell = (row: readonly string[], column: string): string => row[columns.indexOf(column)] ?? '';
  const total = rows.find((row) => cell(row, 'svname') === 'BACKEND');
  if (head < 0 || total === undefined) throw new Error(`no figures of ${BACKEND} in:\n${text.slice(0, 500)}`);
  const serves = (row: readonly string[]): boolean =>
    cell(row, 'status').startsWith('UP') && cell(row, 'check_status') === 'L7OK';
  const serving = rows.filter((row) => row !== total && serves(row)).map((row) => cell(row, 'svname'));
  return { serving, sentAgain: Number(cell(total, 'wretr')) + Number(cell(total, 'wredis')) };
}

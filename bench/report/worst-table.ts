// Pure: committed results of `worst` -> the table of docs/security.md. A test ties them.

import { figure } from './figure.ts';

interface WorstFile {
  readonly figures: readonly Figures[];
}

interface Figures {
  readonly request: string;
  readonly path: string;
  readonly sent_bytes: number;
  readonly status: number;
  readonly health_ms: number;
  readonly cpu_seconds: number;
  readonly memory_mib: number;
}

/** One row a request. */
export function worstTable({ figures }: WorstFile): string {
  const rows = figures.map((each) => {
    const cells = [
      `${each.request} (\`${each.path}\`)`,
      figure(Math.ceil(each.sent_bytes / 1000)),
      each.status,
      figure(each.health_ms),
      figure(each.cpu_seconds),
      each.memory_mib,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| Request | Sent, KB | Answer | Longest wait for /health, ms | CPU, s | Memory, MiB |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

// Runs a preparation in a process of its own: its memory is returned when it ends, and a crash there harms no server.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { RerankError } from '../../errors.ts';
import type { PrepareMessage, PrepareTask } from '../../protocol.ts';

/** Compiled: dist/src/model/prepared/ -> dist/workers/. */
const PROCESS_URL = new URL('../../../workers/prepare-process.js', import.meta.url);

export type Prepared = Extract<PrepareMessage, { kind: 'done' }>;
export type PrepareProgress = Extract<PrepareMessage, { kind: 'progress' }>;

/**
 * Writes a copy into `task.directory`.
 *
 * @param signal ends the process
 * @throws RerankError as the process reported, `internal` when it died, `cancelled`
 */
export async function prepareInChild(
  task: PrepareTask,
  onProgress: (progress: PrepareProgress) => void,
  signal: AbortSignal,
): Promise<Prepared> {
  // A debugger's flags would make the child listen on the parent's port.
  const child = fork(fileURLToPath(PROCESS_URL), [], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    child.send(task);
    return await outcome(child, onProgress, signal);
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

function outcome(child: ChildProcess, onProgress: (progress: PrepareProgress) => void, signal: AbortSignal): Promise<Prepared> {
  const stderr: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  return new Promise((resolve, reject) => {
    let result: Prepared | RerankError | null = null;
    child.on('message', (message: PrepareMessage) => {
      if (message.kind === 'progress') onProgress(message);
      else result = message.kind === 'done' ? message : new RerankError(message.error.code, message.error.message);
    });
    child.on('error', (error) =>
      reject(new RerankError('internal', `cannot start a process: ${error.message}`, { cause: error })),
    );
    child.on('close', (code, killed) => {
      if (signal.aborted) reject(new RerankError('cancelled', 'the preparation was cancelled'));
      else if (result === null) reject(died(code, killed, stderr.join('')));
      else if (result instanceof RerankError) reject(result);
      else resolve(result);
    });
  });
}

function died(code: number | null, signal: NodeJS.Signals | null, stderr: string): RerankError {
  const how =
    signal === null ? `ended with ${code}` : `was killed by ${signal}${signal === 'SIGKILL' ? ' (out of memory?)' : ''}`;
  const words = stderr.trim().split('\n').slice(-3).join(' ');
  return new RerankError('internal', `the preparing process ${how}${words === '' ? '' : `: ${words}`}`);
}

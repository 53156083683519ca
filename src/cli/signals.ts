// What signals mean to a service. A terminal that closes and a person who asks for a restart send the same one.

import { isatty } from 'node:tty';
import type { ShutdownManner } from '../cluster/messages.ts';

export interface ServiceSignals {
  /** SIGTERM, from a supervisor, or SIGINT, from a person; also a terminal that is gone. Resolves when everything has ended. */
  readonly onEnd: (reason: string, manner: ShutdownManner) => Promise<void>;
  readonly onRestart: () => void;
}

const TERMINALS = [0, 1, 2].filter((fd) => isatty(fd));

export function listenForServiceSignals({ onEnd, onRestart }: ServiceSignals): void {
  process.on('SIGTERM', () => void onEnd('SIGTERM', 'announced'));
  process.on('SIGINT', () => void onEnd('SIGINT', 'prompt'));
  process.on('SIGHUP', () => {
    if (terminalIsGone()) void onEnd('the terminal is gone', 'prompt').then(endByHangUp);
    else onRestart();
  });
}

/** Whether a terminal this process began with has been closed. */
export function terminalIsGone(): boolean {
  return TERMINALS.some((fd) => !isatty(fd));
}

/** Node aborts at its exit when its terminal is gone. The end that a shell expects is the signal's own; it comes when nothing runs any more. */
export function endByHangUp(): void {
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
}

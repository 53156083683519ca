// What signals mean to a service. A terminal that closes and a person who asks for a restart send the same one.

import { isatty } from 'node:tty';
import type { ShutdownManner } from '../cluster/messages.ts';

export interface ServiceSignals {
  /** SIGTERM, from a supervisor, or SIGINT, from a person; also a terminal that is gone. */
  readonly onEnd: (reason: string, manner: ShutdownManner) => void;
  readonly onRestart: () => void;
}

export function listenForServiceSignals({ onEnd, onRestart }: ServiceSignals): void {
  process.on('SIGTERM', () => onEnd('SIGTERM', 'announced'));
  process.on('SIGINT', () => onEnd('SIGINT', 'prompt'));
  const terminals = STANDARD_STREAMS.filter((fd) => isatty(fd));
  process.on('SIGHUP', () => {
    if (terminals.some((fd) => !isatty(fd))) onEnd('the terminal is gone', 'prompt');
    else onRestart();
  });
}

const STANDARD_STREAMS = [0, 1, 2] as const;

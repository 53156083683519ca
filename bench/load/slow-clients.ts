// Clients that hold connections instead of using them: slow, silent, half done. Each is opened anew when the server cuts it.

import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * `headers`: a byte at a time of a request's headers. `body`: whole headers, then a byte at a time. `silent`: nothing at all.
 * `half`: half of a request, then nothing. `vanish`: half of a request, then gone. `idle`: one whole request, then nothing.
 */
export const SLOW_KINDS = ['headers', 'body', 'silent', 'half', 'vanish', 'idle'] as const;

export type SlowKind = (typeof SLOW_KINDS)[number];

export interface SlowPlan {
  readonly url: string;
  /** Connections of each kind held at any time. */
  readonly each: number;
  readonly seconds: number;
  /** Between two bytes of a slow client. */
  readonly byteEveryMs: number;
}

/** How long a connection lived. `cut`: by the server, otherwise it was ours to end. */
export interface SlowConnection {
  readonly kind: SlowKind;
  readonly livedMs: number;
  readonly cut: boolean;
  /** First line the server said, if any: `HTTP/1.1 408 Request Timeout`. */
  readonly said: string;
}

const BODY = JSON.stringify({ query: 'slow', documents: ['a document that never arrives whole'] });
const HEADERS = `POST /rank HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n`;
const PROBE = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** What is sent at once, and what a byte at a time. */
const SPEECH: Readonly<Record<SlowKind, { readonly atOnce: string; readonly slowly: string }>> = {
  headers: { atOnce: '', slowly: HEADERS },
  body: { atOnce: HEADERS, slowly: BODY },
  silent: { atOnce: '', slowly: '' },
  half: { atOnce: HEADERS + BODY.slice(0, BODY.length / 2), slowly: '' },
  vanish: { atOnce: HEADERS + BODY.slice(0, BODY.length / 2), slowly: '' },
  idle: { atOnce: PROBE, slowly: '' },
};

const VANISH_AFTER_MS = 200;

/** A server that cuts at once must not be dialled in a tight loop. */
const REOPEN_AFTER_MS = 200;

/** Holds the connections until the time is up. @returns every connection that was opened */
export async function slowClients(plan: SlowPlan): Promise<SlowConnection[]> {
  const end = performance.now() + plan.seconds * 1000;
  const seen: SlowConnection[] = [];
  const hold = async (kind: SlowKind): Promise<void> => {
    while (performance.now() < end) {
      seen.push(await holdOne(plan, kind, end - performance.now()));
      await sleep(REOPEN_AFTER_MS);
    }
  };
  await Promise.all(SLOW_KINDS.flatMap((kind) => Array.from({ length: plan.each }, () => hold(kind))));
  return seen;
}

/** @param longestMs we hang up after this */
function holdOne({ url, byteEveryMs }: SlowPlan, kind: SlowKind, longestMs: number): Promise<SlowConnection> {
  const { hostname, port } = new URL(url);
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let [ours, said] = [false, ''];
    const hangUp = setTimeout(
      () => {
        ours = true;
        socket.destroy();
      },
      kind === 'vanish' ? Math.min(VANISH_AFTER_MS, longestMs) : longestMs,
    );
    socket.once('connect', () => speak(socket, kind, byteEveryMs));
    socket.on('data', (chunk) => {
      if (said === '') said = chunk.toString('latin1').split('\r\n')[0]!;
    });
    socket.once('error', () => {}); // a cut may come as a reset; 'close' follows
    socket.once('close', () => {
      clearTimeout(hangUp);
      resolve({ kind, livedMs: performance.now() - started, cut: !ours, said });
    });
  });
}

function speak(socket: Socket, kind: SlowKind, byteEveryMs: number): void {
  const { atOnce, slowly } = SPEECH[kind];
  if (atOnce !== '') socket.write(atOnce);
  let sent = 0;
  const timer = setInterval(() => {
    if (sent < slowly.length) socket.write(slowly[sent++]!);
  }, byteEveryMs);
  socket.once('close', () => clearInterval(timer));
}

// The line between the primary and a serving process: Node's channel to a child, which carries messages and connections.

import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { RerankError } from '../errors.ts';
import type { Exit, Fork, ForkEvents, Forked } from './member.ts';
import { type FromProcess, type PortName, parseFromProcess, parseToProcess, type ToProcess } from './messages.ts';

/** How the primary starts a process. @param entry the module a process runs */
export function processFork(entry: URL): Fork {
  const file = fileURLToPath(entry);
  return (events) => forkOne(fork(file, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] }), events);
}

function forkOne(child: ChildProcess, { onMessage, onExit }: ForkEvents): Forked {
  onceEnded(child, onExit);
  const post = (message: ToProcess, connection?: Socket): void => {
    // Its copy stays open here until the process says that it has it. The callback takes the error of a process that ends now.
    if (child.connected) child.send(message, connection, { keepOpen: true }, () => {});
  };
  let early: ToProcess[] | null = [];
  child.on('message', (raw: unknown) => {
    const message = parseFromProcess(raw);
    if (message?.kind === 'hello') {
      for (const waiting of early ?? []) post(waiting);
      early = null;
    } else if (message !== null) onMessage(message);
  });
  return {
    pid: child.pid,
    send: (message, connection) => (early === null ? post(message, connection) : void early.push(message)),
    kill: (signal) => void child.kill(signal),
  };
}

/** When it is gone and all it said is heard: what it took just before it died must not be given to another one. */
function onceEnded(child: ChildProcess, onExit: ForkEvents['onExit']): void {
  let exit: Exit | null = null;
  const settle = (): void => {
    if (exit !== null && !child.connected) onExit(exit);
  };
  child.once('exit', (code, signal) => {
    exit = { code: signal === null ? code : null, signal };
    settle();
  });
  child.once('disconnect', settle);
  child.on('error', () => {
    if (child.pid === undefined) onExit({ code: null, signal: null }); // no exit follows; other errors are of the channel
  });
}

/** A serving process's line to the primary. */
export interface PrimaryLine {
  send(message: FromProcess): void;
  /** The connections of a port that the primary listens on. */
  connectionsOf(port: PortName): DealtConnections;
  /** Hangs up; the process can end then. */
  close(): void;
}

export interface DealtConnections {
  /** Asks for connections. */
  open(take: (connection: Socket) => void): void;
  /** Asks for no more, and refuses those on their way: they go to other processes. */
  close(): void;
}

export interface PrimaryLineEvents {
  readonly onMessage: (message: ToProcess) => void;
  /** The primary is gone. */
  readonly onLost: () => void;
}

/** @throws RerankError `config` in a process that no primary of ours started */
export function openPrimaryLine({ onMessage, onLost }: PrimaryLineEvents): PrimaryLine {
  if (!process.connected) throw new RerankError('config', 'this file is run by crossrank serve --processes, not by hand');
  let closed = false;
  const takers = new Map<PortName, (connection: Socket) => void>();
  const send = (message: FromProcess): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  };
  process.on('message', (raw: unknown, connection: unknown) => {
    const message = parseToProcess(raw);
    if (message?.kind !== 'connection') return message === null ? undefined : onMessage(message);
    const taken = connection instanceof Socket ? takers.get(message.port) : undefined;
    send({ kind: 'taken', taken: taken !== undefined }); // before a byte is read: from here on the connection is this process's
    if (connection instanceof Socket) (taken ?? letGo)(connection);
  });
  process.on('disconnect', () => {
    if (!closed) onLost();
  });
  send({ kind: 'hello' });
  return {
    send,
    connectionsOf: (port) => dealtConnections(port, takers, send),
    close: () => {
      closed = true;
      if (process.connected) process.disconnect();
    },
  };
}

/** This process's copy alone. */
function letGo(connection: Socket): void {
  connection.destroy();
}

function dealtConnections(
  port: PortName,
  takers: Map<PortName, (connection: Socket) => void>,
  send: (message: FromProcess) => void,
): DealtConnections {
  return {
    open: (take) => {
      takers.set(port, take);
      send({ kind: 'accepting', port, on: true });
    },
    close: () => {
      if (takers.delete(port)) send({ kind: 'accepting', port, on: false });
    },
  };
}

// Node's cluster module: the only importer of it, for the primary and for the serving processes.

import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { RerankError } from '../errors.ts';
import type { Exit, Fork, ForkEvents, Forked } from './member.ts';
import { type FromProcess, parseFromProcess, parseToProcess, type ToProcess } from './messages.ts';

/**
 * How the primary starts a process. Connections go to the processes in turn: on a shared socket the kernel would give a process
 * whose event loop is idle nearly all of them, and ours are, whatever their workers do.
 *
 * @param entry the module a process runs
 * @throws RerankError `config` inside a process that another cluster started
 */
export function clusterFork(entry: URL): Fork {
  if (!cluster.isPrimary)
    throw new RerankError(
      'config',
      '--processes above 1 is not possible here: another process manager runs this process in a cluster',
    );
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ exec: fileURLToPath(entry), args: [] });
  return (events) => forkOne(events);
}

function forkOne({ onMessage, onExit }: ForkEvents): Forked {
  const worker = cluster.fork();
  giveBackUntaken(worker);
  let over = false;
  const end = (exit: Exit): void => {
    if (!over) onExit(exit);
    over = true;
  };
  worker.on('exit', (code: number | null, signal: NodeJS.Signals | null) => end({ code: signal === null ? code : null, signal }));
  worker.on('error', () => {
    if (worker.process.pid === undefined) end({ code: null, signal: null }); // no exit follows; other errors are of the channel
  });
  const send = (message: ToProcess): void => {
    if (worker.isConnected()) worker.send(message, () => {}); // the callback takes the error of a process that ends now
  };
  let early: ToProcess[] | null = [];
  worker.on('message', (raw: unknown) => {
    const message = parseFromProcess(raw);
    if (message?.kind === 'hello') {
      for (const waiting of early ?? []) send(waiting);
      early = null;
    } else if (message !== null) onMessage(message);
  });
  return {
    pid: worker.process.pid,
    send: (message) => (early === null ? send(message) : void early.push(message)),
    kill: (signal) => void worker.process.kill(signal),
  };
}

/** What cluster sends with a connection, and what comes back. */
interface ClusterMessage {
  readonly cmd?: unknown;
  readonly act?: unknown;
  readonly seq?: number;
  readonly ack?: number;
}

/**
 * A connection on its way to a process that dies is forgotten by cluster, open for ever, and its client waits. So the refusal
 * that the process would have sent is put in its place, and cluster gives the connection to another process. At most one is on its way to a
 * process. Should Node change these messages, nothing happens here and the connection is lost as before.
 */
function giveBackUntaken(worker: Worker): void {
  const child = worker.process;
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  let untaken: number | null = null;
  child.send = (...args: unknown[]) => {
    const message = args[0] as ClusterMessage | null;
    if (message?.cmd === 'NODE_CLUSTER' && message.act === 'newconn') untaken = message.seq ?? null;
    return send(...args);
  };
  child.on('internalMessage', ({ ack }: ClusterMessage) => {
    if (ack === untaken) untaken = null;
  });
  const refuse = (): void => {
    if (untaken === null || worker.isConnected()) return;
    child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: untaken, accepted: false });
    untaken = null;
  };
  worker.on('exit', refuse);
  worker.on('disconnect', refuse);
}

/** A serving process's line to the primary. */
export interface PrimaryLine {
  send(message: FromProcess): void;
  /** Hangs up; the process can end then. */
  close(): void;
}

export interface PrimaryLineEvents {
  readonly onMessage: (message: ToProcess) => void;
  /** The primary is gone. */
  readonly onLost: () => void;
}

/** @throws RerankError `config` in a process that no primary of ours started */
export function openPrimaryLine({ onMessage, onLost }: PrimaryLineEvents): PrimaryLine {
  const { worker } = cluster;
  if (worker === undefined || !process.connected)
    throw new RerankError('config', 'this file is run by crossrank serve --processes, not by hand');
  // Otherwise cluster calls process.exit when the primary dies, and leaving during a run aborts the process.
  worker.exitedAfterDisconnect = true;
  let closed = false;
  process.on('message', (raw: unknown) => {
    const message = parseToProcess(raw);
    if (message !== null) onMessage(message);
  });
  process.on('disconnect', () => {
    if (!closed) onLost();
  });
  const send = (message: FromProcess): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  };
  send({ kind: 'hello' });
  return {
    send,
    close: () => {
      closed = true;
      if (process.connected) process.disconnect();
    },
  };
}

// `crossrank serve --processes N`, the first process: finds the model, then starts and watches the processes that serve it.

import { setTimeout as sleep } from 'node:timers/promises';
import { clusterFork } from '../cluster/node-cluster.ts';
import { Supervisor } from '../cluster/supervisor.ts';
import type { Config, FlagTexts } from '../config.ts';
import { startServer } from '../http/server.ts';
import type { Logger } from '../logger.ts';
import { addEnded, type MetricsSnapshot } from '../metrics.ts';
import type { ResolvedModel } from '../model/hub/resolve-model.ts';
import { specOf } from './engine.ts';
import { endedBySignals } from './interrupt.ts';
import { drainLimitMs, retireLimitMs } from './lifecycle.ts';
import { findModel } from './model-source.ts';
import { endOnBugs, showExample } from './serving.ts';
import { listenForServiceSignals } from './signals.ts';

export interface PrimaryOptions {
  readonly config: Config;
  /** As typed. */
  readonly flags: FlagTexts;
  readonly logger: Logger;
  readonly startedMs: number;
}

const ENTRY = new URL('../serve-process.js', import.meta.url);

/** Returns when the service was told to end and has ended. @throws RerankError when it cannot start, or can serve no more */
export async function serveInProcesses({ config, flags, logger, startedMs }: PrimaryOptions): Promise<void> {
  const fork = clusterFork(ENTRY);
  const model = await endedBySignals((signal) => findModel(config, logger, signal));
  for (const warning of specOf(config, model).warnings) logger.warn(warning); // and what cannot be served shows once, here
  const { processes } = config;
  const order = { flags: typedFlags(flags), model: asOrdered(model), port: await chosenPort(config) };
  const limits = { drainMs: drainLimitMs(config), retireMs: retireLimitMs(config) };
  const supervisor = new Supervisor({
    processes,
    fork,
    order,
    logger,
    ...limits,
    wait,
    clock: () => performance.now(),
    foldEnded,
  });
  listenForServiceSignals({
    onEnd: (reason, manner) => supervisor.shutdown(reason, manner),
    onRestart: () => supervisor.restart(),
  });
  endOnBugs(logger, (reason) => void supervisor.shutdown(reason, 'prompt'));
  const facts = await supervisor.start();
  if (facts !== null && !supervisor.isClosing) {
    logger.info('ready', { ...facts, processes, ready_ms: Math.round(performance.now() - startedMs) });
    showExample(String(facts.url));
  }
  await supervisor.ended;
  if (supervisor.unclean > 0) process.exitCode = 1;
}

function typedFlags(flags: FlagTexts): Record<string, string> {
  return Object.fromEntries(Object.entries(flags).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function asOrdered({ directory, onnxFile }: ResolvedModel) {
  return { directory, onnxFile };
}

/** A free port is chosen here, once: cluster would choose another one when the last process ends and a new one listens. */
async function chosenPort(config: Config): Promise<number> {
  if (config.port !== 0) return config.port;
  const probe = await startServer(() => {}, config);
  await probe.stop(0);
  return probe.port;
}

function foldEnded(sum: unknown, snapshot: unknown): MetricsSnapshot {
  return addEnded(sum as MetricsSnapshot | null, snapshot as MetricsSnapshot);
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

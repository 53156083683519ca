// `crossrank serve --processes N`, the first process: finds the model, then starts and watches the processes that serve it.

import { setTimeout as sleep } from 'node:timers/promises';
import { processFork } from '../cluster/process-line.ts';
import { Supervisor } from '../cluster/supervisor.ts';
import type { Config, FlagTexts } from '../config.ts';
import type { Logger } from '../logger.ts';
import { addEnded, type MetricsSnapshot, processCounts } from '../metrics.ts';
import type { ResolvedModel } from '../model/hub/resolve-model.ts';
import { specOf } from './engine.ts';
import { endedBySignals } from './interrupt.ts';
import { drainLimitMs, retireLimitMs } from './lifecycle.ts';
import { findModel } from './model-source.ts';
import { choosePorts, createDealers } from './primary-ports.ts';
import { endOnBugs, showExample } from './serving.ts';
import { listenForServiceSignals } from './signals.ts';

export interface PrimaryOptions {
  readonly config: Config;
  /** As typed. */
  readonly flags: FlagTexts;
  readonly logger: Logger;
  readonly startedMs: number;
}

/** Between two looks at the processes. */
const LOOK_MS = 1000;

const ENTRY = new URL('../serve-process.js', import.meta.url);

/** Returns when the service was told to end and has ended. @throws RerankError when it cannot start, or can serve no more */
export async function serveInProcesses({ config, flags, logger, startedMs }: PrimaryOptions): Promise<void> {
  const ports = await choosePorts(config);
  const model = await endedBySignals((signal) => findModel(config, logger, signal));
  const spec = specOf(config, model);
  for (const warning of spec.warnings) logger.warn(warning); // and what cannot be served shows once, here
  const { processes } = config;
  const order = { flags: typedFlags(flags), model: asOrdered(model), ...ports };
  const limits = { drainMs: drainLimitMs(config), retireMs: retireLimitMs(config) };
  const supervisor = new Supervisor({
    processes,
    fork: processFork(ENTRY),
    order,
    dealers: createDealers(config, ports, logger),
    patience: Math.ceil((config.processTimeoutSeconds * 1000) / LOOK_MS),
    logger,
    ...limits,
    wait,
    clock: () => performance.now(),
    foldEnded,
    account: (replaced) => processCounts(config.servedModelName ?? spec.id, replaced),
  });
  listenForServiceSignals({
    onEnd: (reason, manner) => supervisor.shutdown(reason, manner),
    onRestart: () => supervisor.restart(),
  });
  endOnBugs(logger, (reason) => void supervisor.shutdown(reason, 'prompt'));
  const looking = setInterval(() => supervisor.look(), LOOK_MS);
  looking.unref();
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

function foldEnded(sum: unknown, snapshot: unknown): MetricsSnapshot {
  return addEnded(sum as MetricsSnapshot | null, snapshot as MetricsSnapshot);
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

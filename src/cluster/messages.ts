// What the primary and its serving processes say to each other. Every message is checked on arrival: a process that is half dead may say anything.

import { z } from 'zod';
import { ERROR_STATUS, type ErrorCode } from '../errors.ts';

/** `announced`: after `--drain-delay`, for supervisors and proxies. `prompt`: without it, for a person and after a failure. */
const shutdownManner = z.enum(['announced', 'prompt']);

/** The ports whose connections the primary deals: that of the API, and that of `--prometheus-port`. */
const portName = z.enum(['api', 'metrics']);

const processSnapshot = z.strictObject({
  /** Number of the process; null for all that have ended, as one. */
  process: z.number().nullable(),
  snapshot: z.unknown(),
});

const toProcess = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('start'),
    /** Number of the process, from 0; a replacement has the number of the process it replaces. */
    process: z.number(),
    /** As typed; the process reads the environment and key files itself, so that a restart sees them anew. */
    flags: z.record(z.string(), z.string()),
    /** Where the model is: it was downloaded before. */
    model: z.strictObject({ directory: z.string(), onnxFile: z.string().nullable() }),
    /** Never 0: the primary listens on it. */
    port: z.number(),
    /** As {@link port}; null without `--prometheus-port`. */
    metricsPort: z.number().nullable(),
    /** When to take connections: before the model is loaded, so that probes are answered, or when others serve already, after that. */
    listen: z.enum(['at-once', 'when-ready']),
  }),
  z.strictObject({ kind: z.literal('shutdown'), reason: z.string(), manner: shutdownManner }),
  z.strictObject({ kind: z.literal('retire') }),
  /** Comes with a connection; the next one comes after `taken`. */
  z.strictObject({ kind: z.literal('connection'), port: portName }),
  z.strictObject({ kind: z.literal('ping') }),
  z.strictObject({ kind: z.literal('give-snapshot'), id: z.number() }),
  z.strictObject({ kind: z.literal('collected'), id: z.number(), snapshots: z.array(processSnapshot) }),
]);

const fromProcess = z.discriminatedUnion('kind', [
  /** It listens to the primary from now on; what was sent before would be lost. */
  z.strictObject({ kind: z.literal('hello') }),
  z.strictObject({ kind: z.literal('accepting'), port: portName, on: z.boolean() }),
  /** Whether the connection sent last is this process's now; otherwise it goes to another one. */
  z.strictObject({ kind: z.literal('taken'), taken: z.boolean() }),
  /** `fit`: every worker is warm. */
  z.strictObject({ kind: z.literal('pong'), fit: z.boolean() }),
  z.strictObject({ kind: z.literal('listening'), url: z.string() }),
  /** Warm, and taking connections. `facts` are the fields of the log line `ready`. */
  z.strictObject({ kind: z.literal('ready'), facts: z.record(z.string(), z.unknown()) }),
  /** It cannot start, and is about to end. */
  z.strictObject({ kind: z.literal('failed'), code: z.string().refine(isErrorCode), message: z.string() }),
  z.strictObject({ kind: z.literal('collect'), id: z.number() }),
  /** `id` of the question; null for the last words of a process that ends. */
  z.strictObject({ kind: z.literal('snapshot'), id: z.number().nullable(), snapshot: z.unknown() }),
]);

export type PortName = z.infer<typeof portName>;
export type ShutdownManner = z.infer<typeof shutdownManner>;
export type ToProcess = z.infer<typeof toProcess>;
export type FromProcess = z.infer<typeof fromProcess>;
export type StartOrder = Extract<ToProcess, { kind: 'start' }>;
/** A process's own account of itself, as JSON can hold it. */
export type ProcessSnapshot = z.infer<typeof processSnapshot>;

/** null for what is no message of ours. */
export function parseToProcess(message: unknown): ToProcess | null {
  return toProcess.safeParse(message).data ?? null;
}

/** null for what is no message of ours. */
export function parseFromProcess(message: unknown): FromProcess | null {
  return fromProcess.safeParse(message).data ?? null;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_STATUS, code);
}

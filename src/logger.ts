// Structured logging. The only importer of winston; everyone else sees the Logger interface. No caller logs queries or documents.

import { styleText } from 'node:util';
import winston from 'winston';
import type { LogLevel } from './config/options.ts';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** One JSON object a line; otherwise lines for people. */
  readonly json: boolean;
  readonly colour: boolean;
  /** Where lines go: stderr in production, so that commands keep stdout for results. */
  readonly stream: NodeJS.WritableStream;
}

const COLOURS = { error: 'red', warn: 'yellow', info: 'green', debug: 'gray' } as const;

/** Errors in fields are written as name, message, code and causes; their stacks only at level debug. */
export function createLogger(options: LoggerOptions): Logger {
  const stacks = options.level === 'debug';
  const line = options.json ? jsonLine : (entry: LogEntry) => readableLine(entry, options.colour);
  const format = winston.format.printf((info) => line(toEntry(info, stacks)));
  const transports = [new winston.transports.Stream({ stream: options.stream })];
  const levels = { error: 0, warn: 1, info: 2, debug: 3 };
  return wrap(winston.createLogger({ levels, level: options.level, format, transports, exitOnError: false }), {});
}

/** Level, message and fields of one line, errors already plain data. */
interface LogEntry {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** winston's own child loggers let a field called `message` overwrite the message, so fields travel in one property. */
function wrap(inner: winston.Logger, bound: LogFields): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      inner.log({ level, message, fields: { ...bound, ...fields } });
    };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: (fields) => wrap(inner, { ...bound, ...fields }),
  };
}

function toEntry(info: winston.Logform.TransformableInfo, stacks: boolean): LogEntry {
  const fields = Object.entries((info.fields ?? {}) as LogFields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, value instanceof Error ? describeError(value, stacks) : value]);
  return {
    time: new Date().toISOString(),
    level: info.level as LogLevel,
    message: String(info.message),
    fields: Object.fromEntries(fields),
  };
}

function describeError(error: Error, stacks: boolean): LogFields {
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(error.cause instanceof Error && { cause: describeError(error.cause, stacks) }),
    ...(stacks && { stack: error.stack }),
  };
}

/** The head comes first to be read and last to win over fields of the same names. */
function jsonLine({ time, level, message, fields }: LogEntry): string {
  const head = { time, level, message };
  return JSON.stringify({ ...head, ...fields, ...head });
}

/** `22:41:07.123 info  message  key=value key="two words"` */
function readableLine({ time, level, message, fields }: LogEntry, colour: boolean): string {
  const label = level.padEnd(5);
  const parts = Object.entries(fields).map(([name, value]) => `${name}=${readableValue(value)}`);
  const shown = colour ? styleText(COLOURS[level], label, { validateStream: false }) : label;
  return [`${time.slice(11, 23)} ${shown} ${message}`, ...(parts.length > 0 ? [parts.join(' ')] : [])].join('  ');
}

/** Anything but a plain word is quoted, so that a value can neither break the line nor pass for another field. */
function readableValue(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@%+-]+$/.test(value)) return value;
  return JSON.stringify(value) ?? String(value);
}

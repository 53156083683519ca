// Structured logging. The only importer of winston; everyone else sees the Logger interface. No caller logs queries or documents.

import { styleText } from 'node:util';
import winston from 'winston';
import type { LogLevel } from './config/options.ts';
import { shorten } from './short-text.ts';

export type LogFields = Readonly<Record<string, unknown>>;

/** Fields, or what makes them when the line is written at all. */
export type LazyFields = LogFields | (() => LogFields);

/** A line below the chosen level costs nothing: neither it nor its fields are built. */
export interface Logger {
  error(message: string, fields?: LazyFields): void;
  warn(message: string, fields?: LazyFields): void;
  info(message: string, fields?: LazyFields): void;
  debug(message: string, fields?: LazyFields): void;
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

const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

/** Errors in fields are written as name, message, code and causes, each bounded; their stacks only at level debug. */
export function createLogger(options: LoggerOptions): Logger {
  const stacks = options.level === 'debug';
  const line = options.json ? jsonLine : (entry: LogEntry) => readableLine(entry, options.colour);
  const format = winston.format.printf((info) => line(toEntry(info, stacks)));
  const transports = [new winston.transports.Stream({ stream: options.stream })];
  const inner = winston.createLogger({ levels: LEVELS, level: options.level, format, transports, exitOnError: false });
  return wrap(inner, options.level, {});
}

/** Level, message and fields of one line, errors already plain data. */
interface LogEntry {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * winston's own child loggers let a field called `message` overwrite the message, so fields travel in one property. winston formats a
 * line before it looks at the level, so the level is looked at here.
 */
function wrap(inner: winston.Logger, chosen: LogLevel, bound: LogFields): Logger {
  const at = (level: LogLevel) => {
    if (LEVELS[level] > LEVELS[chosen]) return () => {};
    return (message: string, fields: LazyFields = {}) => {
      const own = typeof fields === 'function' ? fields() : fields;
      inner.log({ level, message, fields: { ...bound, ...own } });
    };
  };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: (fields) => wrap(inner, chosen, { ...bound, ...fields }),
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

const MAX_MESSAGE_LENGTH = 2000; // characters; libraries write whole values into their messages
const MAX_STACK_LENGTH = 10_000;
const MAX_CAUSES = 5; // a cause may be its own

function describeError(error: Error, stacks: boolean, causes = MAX_CAUSES): LogFields {
  const { code } = error as { code?: unknown };
  return {
    name: shorten(String(error.name), MAX_MESSAGE_LENGTH),
    message: shorten(String(error.message), MAX_MESSAGE_LENGTH),
    ...(typeof code === 'string' && { code: shorten(code) }),
    ...(causes > 0 && error.cause instanceof Error && { cause: describeError(error.cause, stacks, causes - 1) }),
    ...(stacks && { stack: shorten(String(error.stack), MAX_STACK_LENGTH) }),
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

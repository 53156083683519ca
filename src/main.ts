#!/usr/bin/env node
// Command line entry: runs the command and turns every failure into one message and an exit code.

import { createProgram, reportFailure, withCommand } from './cli/program.ts';
import { disableRuntimeTelemetry } from './config.ts';

disableRuntimeTelemetry();
const args = withCommand(process.argv.slice(2));

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') reportFailure(error, args); // the reader of a pipe may leave early: crossrank ... | head
});

await createProgram()
  .parseAsync([...args], { from: 'user' })
  .catch((error: unknown) => reportFailure(error, args));

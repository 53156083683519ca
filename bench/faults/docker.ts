// Runs docker's command line. The engine is the one that DOCKER_HOST and PATH name.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** An image build on a busy machine; nothing else takes as long. */
const LONGEST_MS = 600_000;

const MOST_OUTPUT_BYTES = 64 * 2 ** 20;

/** @returns standard output, trimmed. @throws Error with what docker said */
export async function docker(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const options = {
    env: { ...process.env, ...environment },
    timeout: LONGEST_MS,
    maxBuffer: MOST_OUTPUT_BYTES,
  };
  try {
    return (await execute('docker', [...args], options)).stdout.trim();
  } catch (error) {
    const { stderr = '', message } = error as Error & { readonly stderr?: string };
    throw new Error(`docker ${args.join(' ')}: ${stderr.trim().slice(-2000) || message}`);
  }
}

/** @throws Error that says what is missing */
export async function requireEngine(): Promise<void> {
  try {
    await docker(['version', '--format', '{{.Server.Version}}']);
    await docker(['compose', 'version', '--short']);
  } catch (error) {
    throw new Error(`this needs a running container engine with docker compose: ${(error as Error).message}`);
  }
}

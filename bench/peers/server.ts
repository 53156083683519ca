// A server under test: started, awaited, ended. What its log says when it is ready differs from one to the next.

import { createInterface } from 'node:readline';
import { Child, type Command } from './children.ts';

/** How to start a server, and how to tell that it is ready. */
export interface ServerCommand extends Command {
  /** Printed once by each process when its model is loaded. */
  readonly ready: RegExp;
  readonly processes: number;
  /** The first group is the base URL. */
  readonly url: RegExp;
}

/** A server that answers. */
export class Server implements AsyncDisposable {
  readonly url: string;
  readonly #child: Child;

  private constructor(child: Child, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** Starts a server and waits until all its processes are ready. @throws Error with the end of its log when it ends before */
  static async start(command: ServerCommand): Promise<Server> {
    const child = new Child(command);
    child.process.stdout!.resume(); // uvicorn's access log; a full pipe would stop it
    let missing = command.processes;
    let url: string | undefined;
    const lines = createInterface({ input: child.process.stderr! });
    for await (const line of lines) {
      url ??= command.url.exec(line)?.[1];
      if (command.ready.test(line)) missing -= 1;
      if (missing === 0 && url !== undefined) break;
    }
    if (missing > 0 || url === undefined) throw new Error(`${command.file} ended:\n${child.lastErrors}`);
    child.process.stderr!.resume(); // leaving the loop closed the reader, which paused the stream
    return new Server(child, url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }
}

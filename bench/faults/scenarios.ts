// What happens to the replicas while the load goes on.

import { setTimeout as sleep } from 'node:timers/promises';
import { docker } from './docker.ts';
import type { ComposeStack } from './stack.ts';

export interface Scenario {
  readonly name: 'kill' | 'stop' | 'pause' | 'scale' | 'roll';
  readonly title: string;
  /** Replicas before and after. */
  readonly replicas: number;
  /**
   * Whether no request may be lost. A replica that is killed takes with it what it had: that is not sent again, for it may be what killed
   * it. A paused replica keeps what it has, and nobody can tell it from a slow one at once.
   */
  readonly lossless: boolean;
  /** Leaves as many healthy replicas as it found. */
  act(stack: ComposeStack): Promise<void>;
}

/** Above the time in which the proxy notices, below its timeout. */
const PAUSE_MS = 10_000;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'kill',
    title: 'one of two killed (SIGKILL), started again',
    replicas: 2,
    lossless: false,
    act: async (stack) => {
      const [victim] = await stack.replicas();
      await docker(['kill', victim!]);
      await docker(['start', victim!]);
      await stack.waitForServing(2);
    },
  },
  {
    name: 'stop',
    title: 'one of two stopped (docker stop), started again',
    replicas: 2,
    lossless: true,
    act: async (stack) => {
      const [victim] = await stack.replicas();
      await docker(['stop', victim!]);
      await docker(['start', victim!]);
      await stack.waitForServing(2);
    },
  },
  {
    name: 'pause',
    title: `one of two paused for ${PAUSE_MS / 1000} s`,
    replicas: 2,
    lossless: false,
    act: async (stack) => {
      const [victim] = await stack.replicas();
      await docker(['pause', victim!]);
      await sleep(PAUSE_MS);
      await docker(['unpause', victim!]);
      await stack.waitForServing(2);
    },
  },
  {
    name: 'scale',
    title: 'scaled from one to three and back',
    replicas: 1,
    lossless: true,
    act: async (stack) => {
      await stack.scale(3);
      await stack.scale(1);
    },
  },
  {
    name: 'roll',
    title: 'two rolled (deploy/roll.sh)',
    replicas: 2,
    lossless: true,
    act: async (stack) => {
      await stack.roll();
      await stack.waitForServing(2);
    },
  },
];

// Entry of a generator's process.

import { answerParent } from './child.ts';
import { closedLoop } from './closed-loop.ts';
import type { LoadPlan } from './generator.ts';
import { openLoop } from './open-loop.ts';

answerParent((plan: LoadPlan) => (plan.kind === 'open' ? openLoop(plan) : closedLoop(plan)));

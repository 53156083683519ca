// Entry of the process of the slow clients.

import { answerParent } from './child.ts';
import { type SlowPlan, slowClients } from './slow-clients.ts';

answerParent((plan: SlowPlan) => slowClients(plan));

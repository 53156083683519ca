// Ties the watch over answers to what it must know of this server: the budget they fill, and the log.

import type { Logger } from '../logger.ts';
import type { AnswerLimits } from './answer-watch.ts';
import type { BodyBudget } from './body-budget.ts';

/** From half a budget on, answers of clients that do not read would soon keep out those who do. */
export function answerHooks(budget: BodyBudget, logger: Logger): Pick<AnswerLimits, 'isCrowded' | 'onCut'> {
  return {
    isCrowded: () => budget.usedBytes > budget.limitBytes / 2,
    onCut: ({ requestId, bytesLeft, windowMs, crowded }) =>
      logger.warn('a client does not take its answer; its connection is cut', {
        request_id: requestId,
        bytes_left: bytesLeft,
        window_ms: windowMs,
        crowded,
      }),
  };
}

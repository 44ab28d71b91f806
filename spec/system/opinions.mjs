// What a model might say of a prompt: a trade that fits its numbers, or whatever a spec wants instead.

/** The price that a prompt names, and its ATR; where it names none, a hundredth of the price. */
export function sceneOf(text) {
  const price = Number(/(?:closed|still forming) at (\S+)$/m.exec(text)?.[1] ?? 100);
  return {
    price,
    atr: Number(/^ATR \(14 bars, mean\): (\S+),/m.exec(text)?.[1]) || price / 100,
    side: /^side: (long|short)$/m.exec(text)?.[1] ?? 'long',
  };
}

/** A whole opinion that passes all checks, with `changes` laid over it. */
export function opinion(text, changes = {}) {
  const { price, atr, side } = sceneOf(text), sign = side === 'short' ? -1 : 1;
  return {
    decision: 'enter_trade', side, confidence: 71, reasoning: 'the fake says so',
    keyLevels: { entry: price, stopLoss: price - 2 * sign * atr, takeProfit: [price + 3 * sign * atr, price + 5 * sign * atr], support: [], resistance: [] },
    tradePlan: { setup: 'a', execution: 'b', invalidation: 'c', riskReward: 1.5 },
    technicalContext: { trend: 'up', momentum: 'strong', volatility: 'normal', keyObservations: ['x'] },
    ...changes,
  };
}

/** The four letters a token that fakes count by. */
export const tokens = text => Math.ceil(text.length / 4);

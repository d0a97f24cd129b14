/** `provider.capability` */
export const capabilityNamePattern = /^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$/

/** What both sides hold capability calls to. */
export const capabilityLimits = {
  // unit: UTF-16 units of `provider.capability`; threat: names that fill logs and tables
  nameLength: 129,
  // unit: capabilities of one session; threat: a manifest larger than a frame
  maxCapabilities: 1000,
  // unit: UTF-16 units; threat: a table of keys larger than what they stand for
  keyLength: 256,
  // unit: calls of one session that are under way or wait; threat: a cell that calls without end
  maxPendingCalls: 10_000,
} as const

export const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

/** What every call takes beside its fields. */
export const reservedFields: ReadonlySet<string> = new Set(['signal', 'idempotencyKey', 'timeoutMs'])

/** `caps.files.then` would make a promise of `caps.files`; the others are what every object has. */
export function isReservedName(name: string): boolean {
  return name === 'then' || name === 'toJSON' || name === 'prototype' || name in Object.prototype
}

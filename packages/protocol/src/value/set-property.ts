/** An assignment that makes an own property also of `__proto__`. */
export function setProperty(target: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  } else (target as Record<string, unknown>)[key] = value
}

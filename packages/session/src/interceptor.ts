/** Sees every message on its way; passive: it cannot change or stop one. */
export interface Interceptor {
  readonly name: string
  received?(message: Readonly<Record<string, unknown>>): void
  sent?(message: Readonly<Record<string, unknown>>): void
}

/** Ctrl-C and its like: the first one cancels, a second one kills. */
export interface Interrupts extends Disposable {
  readonly cancel: AbortSignal
  readonly kill: AbortSignal
  /** For a terminal in raw mode, where Ctrl-C is a key and no signal. */
  readonly trigger: () => void
}

export function listenForInterrupts(): Interrupts {
  const cancel = new AbortController()
  const kill = new AbortController()
  const trigger = (): void => (cancel.signal.aborted ? kill : cancel).abort()
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, trigger)
  return {
    cancel: cancel.signal,
    kill: kill.signal,
    trigger,
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, trigger)
    },
  }
}

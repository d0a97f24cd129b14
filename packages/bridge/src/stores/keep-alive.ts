import { MessageChannel } from 'node:worker_threads'

/** Holds the process while something waits: a store's timers and sockets alone would let it end with an await pending. */
export interface KeepAlive {
  hold(): void
  release(): void
}

export function createKeepAlive(): KeepAlive {
  const { port1 } = new MessageChannel()
  port1.unref()
  return { hold: () => port1.ref(), release: () => port1.unref() }
}

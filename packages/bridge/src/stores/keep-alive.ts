import { MessageChannel } from 'node:worker_threads'

/** Holds the process while something waits: a store's timers and sockets alone would let it end with an await pending. */
export interface KeepAlive {
  hold(): void
  /** Once for each `hold()`. */
  release(): void
  /** A port that is not closed is never collected. */
  close(): void
}

export function createKeepAlive(): KeepAlive {
  const { port1 } = new MessageChannel()
  port1.unref()
  let holders = 0
  return {
    hold() {
      holders += 1
      if (holders === 1) port1.ref()
    },
    release() {
      holders -= 1
      if (holders === 0) port1.unref()
    },
    close: () => port1.close(),
  }
}

import { MessageChannel, type MessagePort } from 'node:worker_threads'

/** Holds the process while something waits: a store's timers and sockets alone would let it end with an await pending. */
export interface KeepAlive {
  hold(): void
  /** Once for each `hold()`. */
  release(): void
  /** Nothing is left of it once nobody holds: a port that is not closed is never collected. Holding it is possible all the same. */
  close(): void
}

export function createKeepAlive(): KeepAlive {
  let port: MessagePort | undefined
  let holders = 0
  let isClosed = false
  const rest = (): void => {
    if (isClosed) {
      port?.close()
      port = undefined
    } else port?.unref()
  }
  return {
    hold() {
      holders += 1
      port ??= new MessageChannel().port1
      port.ref()
    },
    release() {
      holders -= 1
      if (holders === 0) rest()
    },
    close() {
      isClosed = true
      if (holders === 0) rest()
    },
  }
}

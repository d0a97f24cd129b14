import { Session } from 'node:inspector'

/** Terminates the JavaScript that runs on the main thread, from another thread of the process. */
export interface Terminator extends Disposable {
  /** Calls back when the code is unwound (or V8 refused: another termination is under way). */
  terminate(done: (error: Error | null) => void): void
}

export interface MainThreadTerminator extends Terminator {
  /**
   * Connects now, for a main thread that will not let it later (Node's permission model). Resolves when the main thread
   * has taken part, which must be idle or running JavaScript.
   */
  connect(): Promise<void>
}

/**
 * Connects an inspector session on first use: a connected one is not free (Node then shows it every `console` call,
 * which makes one take four times as long), and most workers are never terminated.
 */
export function createMainThreadTerminator(): MainThreadTerminator {
  let session: Session | undefined
  const connected = (): Session => {
    if (session === undefined) {
      session = new Session()
      session.connectToMainThread()
    }
    return session
  }
  return {
    async connect() {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      // any command will do: its answer comes from the main thread
      connected().post('Schema.getDomains', (error) => (error === null ? resolve() : reject(error)))
      return promise
    },
    terminate(done) {
      connected().post('Runtime.terminateExecution', (error) => done(error))
    },
    [Symbol.dispose]() {
      session?.disconnect()
      session = undefined
    },
  }
}

import { Session } from 'node:inspector'

/** Terminates the JavaScript that runs on the main thread, from another thread of the process. */
export interface Terminator extends Disposable {
  /** Calls back when the code is unwound (or V8 refused: another termination is under way). */
  terminate(done: (error: Error | null) => void): void
}

/** Connects an inspector session on first use: a connected one is not free, and most workers are never terminated. */
export function createMainThreadTerminator(): Terminator {
  let session: Session | undefined
  return {
    terminate(done) {
      if (session === undefined) {
        session = new Session()
        session.connectToMainThread()
      }
      session.post('Runtime.terminateExecution', (error) => done(error))
    },
    [Symbol.dispose]() {
      session?.disconnect()
      session = undefined
    },
  }
}

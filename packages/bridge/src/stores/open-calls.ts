import { type CapsuleError, coreErrors } from '@capsule/core'

/** The calls of a store that are in progress: none is pending any more once it is closed. */
export interface OpenCalls {
  /** Settles as `work` does, or when the signal fires or the store is closed; then the signal of `work` fires too. */
  run<T>(what: string, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Ends those in progress, and every later one, with this error. */
  close(error: CapsuleError): void
}

export function createOpenCalls(): OpenCalls {
  const cancels = new Set<(error: CapsuleError) => void>()
  let closedBy: CapsuleError | undefined
  return {
    run(what, signal, work) {
      if (closedBy !== undefined) return Promise.reject(closedBy)
      return new Promise((resolve, reject) => {
        const controller = new AbortController()
        const cancel = (error: CapsuleError): void => {
          reject(error)
          controller.abort(error)
        }
        const onAbort = (): void => cancel(coreErrors.CANCELLED({ what }, { cause: signal?.reason }))
        const leave = (): void => {
          cancels.delete(cancel)
          signal?.removeEventListener('abort', onAbort)
        }
        cancels.add(cancel)
        signal?.addEventListener('abort', onAbort, { once: true })
        work(controller.signal).then(resolve, reject).finally(leave)
      })
    },
    close(error) {
      closedBy ??= error
      for (const cancel of cancels) cancel(closedBy)
    },
  }
}

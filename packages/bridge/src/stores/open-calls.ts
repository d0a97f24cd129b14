import { type CapsuleError, coreErrors } from '@capsule/core'

export interface OpenCall {
  /** Made when it is first asked for: most calls end without, and a signal is what costs most of them. */
  readonly signal: AbortSignal
}

/** The calls of a store that are in progress: none is pending any more once it is closed. */
export interface OpenCalls {
  /** Settles as `work` does, or when the signal fires or the store is closed; then the signal of `work` fires too. */
  run<T>(what: string, signal: AbortSignal | undefined, work: (call: OpenCall) => Promise<T>): Promise<T>
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
        let endedBy: CapsuleError | undefined
        let controller: AbortController | undefined
        const call: OpenCall = {
          get signal() {
            controller ??= new AbortController()
            if (endedBy !== undefined) controller.abort(endedBy)
            return controller.signal
          },
        }
        const cancel = (error: CapsuleError): void => {
          reject(error)
          endedBy ??= error
          controller?.abort(endedBy)
        }
        const onAbort = (): void => cancel(coreErrors.CANCELLED({ what }, { cause: signal?.reason }))
        const leave = (): void => {
          cancels.delete(cancel)
          signal?.removeEventListener('abort', onAbort)
        }
        cancels.add(cancel)
        signal?.addEventListener('abort', onAbort, { once: true })
        work(call).then(resolve, reject).finally(leave)
      })
    },
    close(error) {
      closedBy ??= error
      for (const cancel of cancels) cancel(closedBy)
    },
  }
}

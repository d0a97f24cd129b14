import { apply, dataDescriptor, defineProperty, deleteProperty, getOwnPropertyDescriptor } from './primordials.ts'

/**
 * Hears of every uncaught exception and unhandled rejection of the process, and keeps them from ending it.
 *
 * It stands in `process.emit`, where Node announces them, rather than among the listeners: cells may add listeners
 * (they are called as well), remove all of them, or add one that throws, and the process lives on.
 * @returns the way to stop listening
 */
export function catchLateErrors(report: (error: unknown) => void): () => void {
  // called with the process as `this`, as Node does
  // oxlint-disable-next-line typescript/unbound-method
  const emit = process.emit as (...args: unknown[]) => boolean
  const replaced = getOwnPropertyDescriptor(process, 'emit')
  const intercept = function (this: NodeJS.Process, ...args: unknown[]): boolean {
    const event = args[0]
    if (event !== 'uncaughtException' && event !== 'unhandledRejection') return apply(emit, this, args)
    try {
      report(args[1])
      apply(emit, this, args)
    } catch (error) {
      report(error)
    }
    return true
  }
  defineProperty(process, 'emit', dataDescriptor(intercept))
  return () => {
    if (process.emit !== (intercept as unknown)) return
    if (replaced === undefined) deleteProperty(process, 'emit')
    else defineProperty(process, 'emit', replaced)
  }
}

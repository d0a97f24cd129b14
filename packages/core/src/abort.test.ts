import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { throwIfAborted, withAbort } from './index.ts'

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('throwIfAborted', () => {
  it('throws CANCELLED with the reason as cause', () => {
    const reason = new Error('enough')
    expect(() => throwIfAborted(AbortSignal.abort(reason), 'the call')).toThrow(
      expect.objectContaining({ code: 'CANCELLED', message: 'the call was cancelled', cause: reason }),
    )
  })

  it('does nothing without a signal or before it fires', () => {
    expect(throwIfAborted(undefined, 'the call')).toBeUndefined()
    expect(throwIfAborted(new AbortController().signal, 'the call')).toBeUndefined()
  })
})

describe('withAbort', () => {
  it('settles as the promise does and removes its listener', async () => {
    const { signal } = new AbortController()
    await expect(withAbort(Promise.resolve(5), signal, 'waiting')).resolves.toBe(5)
    await expect(withAbort(Promise.reject(new Error('no')), signal, 'waiting')).rejects.toThrow('no')
    expect(listeners(signal)).toBe(0)
  })

  it('returns the promise itself without a signal', () => {
    const promise = Promise.resolve(5)
    expect(withAbort(promise, undefined, 'waiting')).toBe(promise)
  })

  it('rejects with CANCELLED when the signal fires first', async () => {
    const controller = new AbortController()
    const waiting = withAbort(new Promise(() => {}), controller.signal, 'waiting')
    expect(listeners(controller.signal)).toBe(1)
    controller.abort('enough')
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' })
    expect(listeners(controller.signal)).toBe(0)
  })

  it('rejects at once when the signal has fired', async () => {
    await expect(withAbort(new Promise(() => {}), AbortSignal.abort(), 'waiting')).rejects.toMatchObject({
      code: 'CANCELLED',
    })
  })

  it('keeps a later rejection of the promise from being unhandled', async () => {
    const { promise, reject } = Promise.withResolvers<never>()
    const waiting = withAbort(promise, AbortSignal.abort(), 'waiting')
    reject(new Error('late'))
    // vitest fails the run on an unhandled rejection
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})

import { describe, expect, it } from 'vitest'
import { Container, createToken, disposeAll } from './index.ts'

const clock = createToken<{ name: string }>('clock')
const store = createToken<{ clock: { name: string } }>('store')
const app = createToken<{ store: unknown }>('app')

function createContainer(): Container {
  return new Container()
    .provide(clock, () => ({ name: 'system' }))
    .provide(store, (container) => ({ clock: container.get(clock) }))
    .provide(app, (container) => ({ store: container.get(store) }))
}

function recording(name: string, log: string[], error?: Error): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await Promise.resolve()
      log.push(name)
      if (error !== undefined) throw error
    },
  }
}

describe('get', () => {
  it('builds each part once, on first use', () => {
    let built = 0
    const container = new Container().provide(clock, () => ({ name: `clock ${++built}` }))
    expect(built).toBe(0)
    expect(container.get(clock)).toBe(container.get(clock))
    expect(built).toBe(1)
  })

  it('keeps a part that is undefined', () => {
    let built = 0
    const nothing = createToken<undefined>('nothing')
    const container = new Container().provide(nothing, () => void built++)
    container.get(nothing)
    container.get(nothing)
    expect(built).toBe(1)
  })

  it('lets any part be replaced in one line', () => {
    expect(
      createContainer()
        .provide(clock, () => ({ name: 'fake' }))
        .get(store).clock.name,
    ).toBe('fake')
  })

  it('refuses to replace a part that others hold', () => {
    const container = createContainer()
    container.get(clock)
    expect(() => container.provide(clock, () => ({ name: 'late' }))).toThrow(
      expect.objectContaining({ code: 'BINDING_IN_USE' }),
    )
  })

  it('names the path to a missing part', () => {
    const container = new Container()
      .provide(store, (inner) => ({ clock: inner.get(clock) }))
      .provide(app, (inner) => ({ store: inner.get(store) }))
    expect(() => container.get(app)).toThrow(
      expect.objectContaining({
        code: 'MISSING_BINDING',
        message: 'nothing provides clock (wanted by app -> store -> clock)',
        details: { path: ['app', 'store', 'clock'] },
      }),
    )
  })

  it('names the path of a circle', () => {
    const container = createContainer().provide(clock, (inner) => ({ name: typeof inner.get(app) }))
    expect(() => container.get(app)).toThrow(
      expect.objectContaining({
        code: 'CIRCULAR_BINDING',
        message: 'circular dependency: app -> store -> clock -> app',
      }),
    )
  })

  it('can be asked again after a factory failed', () => {
    let attempts = 0
    const container = new Container().provide(clock, () => {
      if (++attempts === 1) throw new Error('not yet')
      return { name: 'second' }
    })
    expect(() => container.get(clock)).toThrow('not yet')
    expect(container.get(clock).name).toBe('second')
  })

  it('tells tokens of the same description apart', () => {
    const container = new Container().provide(createToken('clock'), () => 1)
    expect(() => container.get(createToken('clock'))).toThrow(expect.objectContaining({ code: 'MISSING_BINDING' }))
  })

  it('lists its tokens', () => {
    expect(createContainer().tokens()).toEqual([clock, store, app])
  })
})

describe('disposal', () => {
  it('disposes what was built, in reverse order, once', async () => {
    const log: string[] = []
    const first = createToken<AsyncDisposable>('first')
    const second = createToken<AsyncDisposable>('second')
    const unused = createToken<AsyncDisposable>('unused')
    const container = new Container()
      .provide(first, () => recording('first', log))
      .provide(unused, () => recording('unused', log))
      .provide(second, (inner) => {
        inner.get(first)
        return recording('second', log)
      })
    container.get(second)
    await Promise.all([container[Symbol.asyncDispose](), container[Symbol.asyncDispose]()])
    expect(log).toEqual(['second', 'first'])
  })

  it('goes on after failures and reports all of them', async () => {
    const log: string[] = []
    const failures = [new Error('a'), new Error('c')]
    const parts = [recording('a', log, failures[0]), recording('b', log), recording('c', log, failures[1])]
    await expect(disposeAll(parts, 'some failed')).rejects.toMatchObject({ message: 'some failed', errors: failures })
    expect(log).toEqual(['a', 'b', 'c'])
  })

  it('knows sync disposables and skips what is none', async () => {
    const log: string[] = []
    const part = Object.assign(() => {}, { [Symbol.dispose]: () => void log.push('sync') })
    await disposeAll([undefined, null, 5, 'text', {}, part], 'never')
    expect(log).toEqual(['sync'])
  })

  it('builds and binds nothing afterwards', async () => {
    const container = createContainer()
    await container[Symbol.asyncDispose]()
    expect(() => container.get(clock)).toThrow(expect.objectContaining({ code: 'CONTAINER_DISPOSED' }))
    expect(() => container.provide(clock, () => ({ name: 'late' }))).toThrow(
      expect.objectContaining({ code: 'CONTAINER_DISPOSED' }),
    )
  })
})

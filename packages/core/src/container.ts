import { coreErrors } from './core-errors.ts'

declare const provided: unique symbol

/** Names a replaceable part and carries its type. Tokens are compared by identity. */
export interface Token<T> {
  readonly description: string
  readonly [provided]?: T
}

export function createToken<T>(description: string): Token<T> {
  return Object.freeze({ description })
}

export type Factory<T> = (container: Pick<Container, 'get'>) => T

/**
 * A small dependency-injection container for composition roots. Parts are built on first `get` and disposed in reverse
 * order of building; `provide` again replaces a part that was not built yet.
 */
export class Container implements AsyncDisposable {
  readonly #factories = new Map<Token<unknown>, Factory<unknown>>()
  readonly #built = new Map<Token<unknown>, unknown>()
  #building: Token<unknown>[] = []
  #disposal: Promise<void> | undefined

  /** Binds a token to a factory; the last binding counts. @throws BINDING_IN_USE, CONTAINER_DISPOSED */
  provide<T>(token: Token<T>, factory: Factory<T>): this {
    this.#assertLive(token)
    if (this.#built.has(token)) throw coreErrors.BINDING_IN_USE({ token: token.description })
    this.#factories.set(token, factory)
    return this
  }

  /** Builds (once) and returns what the token names. @throws MISSING_BINDING, CIRCULAR_BINDING, CONTAINER_DISPOSED */
  get<T>(token: Token<T>): T {
    if (this.#built.has(token)) return this.#built.get(token) as T
    this.#assertLive(token)
    const path = [...this.#building, token].map(({ description }) => description)
    if (this.#building.includes(token)) throw coreErrors.CIRCULAR_BINDING({ path })
    const factory = this.#factories.get(token)
    if (factory === undefined) throw coreErrors.MISSING_BINDING({ path })
    this.#building.push(token)
    try {
      const part = factory(this)
      this.#built.set(token, part)
      return part as T
    } finally {
      this.#building.pop()
    }
  }

  /** The tokens bound so far, for tests that resolve each of them. */
  tokens(): Token<unknown>[] {
    return [...this.#factories.keys()]
  }

  /** Disposes every built part, last built first, even when one fails. @throws AggregateError */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  #assertLive({ description }: Token<unknown>): void {
    if (this.#disposal !== undefined) throw coreErrors.CONTAINER_DISPOSED({ token: description })
  }

  async #dispose(): Promise<void> {
    await disposeAll([...this.#built.values()].reverse(), 'some parts of the container failed to dispose')
  }
}

/** Disposes each value that is disposable, in order; failures are gathered. @throws AggregateError */
export async function disposeAll(values: Iterable<unknown>, message: string): Promise<void> {
  const errors: unknown[] = []
  for (const value of values) {
    try {
      if (isDisposable(value, Symbol.asyncDispose)) await value[Symbol.asyncDispose]()
      else if (isDisposable(value, Symbol.dispose)) value[Symbol.dispose]()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, message)
}

function isDisposable<S extends symbol>(value: unknown, symbol: S): value is Record<S, () => unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as Record<symbol, unknown>)[symbol] === 'function'
  )
}

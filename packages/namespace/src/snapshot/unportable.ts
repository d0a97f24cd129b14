import type { SkipReason } from '@capsule/protocol'
import { getPrototypeOf } from '../primordials.ts'
import {
  functionText,
  isArgumentsObject,
  isExternal,
  isGeneratorObject,
  isMapIterator,
  isModuleNamespaceObject,
  isPromise,
  isProxy,
  isSetIterator,
  isSharedArrayBuffer,
  isWeakMap,
  isWeakSet,
  ownValue,
} from './natives.ts'
import type { FunctionSources } from './function-sources.ts'
import type { WellKnown } from './well-known.ts'

/** Why one object cannot be carried over, or put back. */
export interface Problem {
  readonly reason: SkipReason
  readonly detail: string
}

/** Node's classes whose instances stand for something outside of the heap. */
const handleModules =
  /^node:(?:net|tls|http|https|http2|dgram|stream|child_process|worker_threads|fs|readline|inspector|cluster|zlib|timers|repl)$/

/** Objects whose state cannot be seen, whatever class they have. */
export function opaqueProblem(value: object): Problem | undefined {
  if (isProxy(value)) return { reason: 'proxy', detail: 'a Proxy' }
  if (isPromise(value)) {
    // whether it has settled, only code of its `then` could tell
    return { reason: 'pending-promise', detail: 'a promise' }
  }
  if (isModuleNamespaceObject(value)) {
    return { reason: 'unknown-source', detail: 'a module that no `import` with a literal name loaded' }
  }
  const isNative =
    isWeakMap(value) ||
    isWeakSet(value) ||
    isGeneratorObject(value) ||
    isMapIterator(value) ||
    isSetIterator(value) ||
    isArgumentsObject(value) ||
    isExternal(value) ||
    isSharedArrayBuffer(value)
  return isNative
    ? { reason: 'native-object', detail: withArticle(isArgumentsObject(value) ? 'Arguments' : classNameOf(value)) }
    : undefined
}

export interface ChainOptions {
  readonly sources: FunctionSources
  readonly wellKnown: WellKnown
}

/** What is wrong with an object's prototypes, each looked at once. `base`: where the chain of its kind ends. */
export class PrototypeChains {
  readonly #options: ChainOptions
  readonly #known = new Map<object, Problem | undefined>()

  constructor(options: ChainOptions) {
    this.#options = options
  }

  problemOf(prototype: object | null, base: object | null): Problem | undefined {
    const passed: object[] = []
    let problem: Problem | undefined
    // a loop: a chain may be very long
    for (
      let link = prototype;
      link !== null && link !== base && link !== Object.prototype;
      link = getPrototypeOf(link)
    ) {
      if (this.#known.has(link)) {
        problem = this.#known.get(link)
        break
      }
      passed.push(link)
      problem = this.#own(link, passed[0] as object)
      if (problem !== undefined) break
    }
    for (const link of passed) this.#known.set(link, problem)
    return problem
  }

  #own(prototype: object, first: object): Problem | undefined {
    if (isProxy(prototype)) return { reason: 'proxy', detail: 'its prototype is a Proxy' }
    const { sources, wellKnown } = this.#options
    const owner = functionOf(prototype)
    const facts = owner === undefined ? undefined : sources.find(functionText(owner as () => void))
    if (facts !== undefined) {
      if (facts.body?.hasPrivateInstanceState !== true) return undefined
      return { reason: 'private-state', detail: `an instance of ${nameOf(owner)} with #private members` }
    }
    const path = wellKnown.pathOf(prototype) ?? (owner && wellKnown.pathOf(owner))
    if (path !== undefined) {
      const name = owner === undefined ? classNameOf(first) : nameOf(owner)
      return { reason: isHandle(path, name) ? 'open-handle' : 'native-object', detail: withArticle(name) }
    }
    // an ordinary object as prototype is data like any other
    if (owner === undefined) return undefined
    const name = nameOf(owner)
    return handleNames.has(name)
      ? { reason: 'open-handle', detail: withArticle(name) }
      : { reason: 'foreign-instance', detail: `an instance of ${name}, which no kept cell defines` }
  }
}

const handleNames = new Set(['Timeout', 'Immediate', 'FileHandle', 'FSWatcher', 'StatWatcher', 'Interface', 'Cipheriv'])

function isHandle([root = '', member = '']: readonly string[], name: string): boolean {
  if (handleNames.has(name)) return true
  return handleModules.test(root) && member !== 'Stats' && member !== 'Dirent'
}

export function withArticle(name: string): string {
  return `${/^[AEIO]/i.test(name) ? 'an' : 'a'} ${name}`
}

/** The function or class whose `prototype` this is. */
export function functionOf(prototype: object): object | undefined {
  const owner = ownValue(prototype, 'constructor')
  if (typeof owner !== 'function' || isProxy(owner)) return undefined
  return ownValue(owner, 'prototype') === prototype ? owner : undefined
}

export function nameOf(owner: object | undefined): string {
  const name = owner === undefined ? undefined : ownValue(owner, 'name')
  return typeof name === 'string' && name !== '' ? name.slice(0, 60) : 'it'
}

function classNameOf(value: object): string {
  for (let link: object | null = value; link !== null && !isProxy(link); link = getPrototypeOf(link)) {
    const owner = ownValue(link, 'constructor')
    if (typeof owner === 'function' && !isProxy(owner)) return nameOf(owner)
    const tag = ownValue(link, Symbol.toStringTag)
    if (typeof tag === 'string') return tag.slice(0, 60)
  }
  return 'Object'
}

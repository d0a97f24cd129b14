import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CellRuntime } from './compile/compile.ts'
import type { Execution } from './execution.ts'
import { namespaceErrors } from './errors.ts'
import { GuardedIterator, isThenable } from './guarded-iterator.ts'
import { NativeTypeError, thenOf } from './primordials.ts'

const ignore = (): void => {}

/** What rewritten code of cells calls. `current` names the execution that caused the code running now. */
export function createCellRuntime(
  current: () => Execution | undefined,
  onLoaded: (specifier: string, attributes: string, namespace: object) => void,
  hasModules: boolean,
): CellRuntime {
  const wait = (value: unknown): unknown => {
    const execution = current()
    if (execution === undefined) return value
    return execution.check() ?? (isThenable(value) ? execution.guard(value) : value)
  }
  return Object.freeze({
    wait,
    waitEach: (iterable: unknown) => new GuardedIterator(iterable, current) as unknown as AsyncIterable<unknown>,
    importMeta: (filename: string) => importMeta(filename, hasModules),
    loaded: onLoaded,
    loading(specifier: string, promise: Promise<object>): Promise<object> {
      void thenOf(promise, (namespace) => onLoaded(specifier, '', namespace), ignore)
      return promise
    },
    assignToConst(_name: string): never {
      throw new NativeTypeError('Assignment to constant variable.')
    },
  })
}

function importMeta(filename: string, hasModules: boolean): object {
  // without modules none is made: a setter on Object.prototype would get hold of it
  const require = hasModules ? createRequire(filename) : undefined
  return {
    __proto__: null,
    dirname: dirname(filename),
    filename,
    main: false,
    url: pathToFileURL(filename).href,
    resolve(specifier: string): string {
      if (require === undefined) throw namespaceErrors.MODULES_UNAVAILABLE({ specifier: String(specifier) })
      const target = require.resolve(specifier)
      if (target.startsWith('/')) return pathToFileURL(target).href
      return target.startsWith('node:') ? target : `node:${target}`
    },
  }
}

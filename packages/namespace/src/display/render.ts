import { coreErrors } from '@capsule/core'
import { textOf } from '../value-text.ts'
import { isThenable } from '../guarded-iterator.ts'
import { promiseOf, thenOf } from '../primordials.ts'
import { displayHookOf } from './display-hook.ts'
import { imageTypeOf } from './image-type.ts'
import { survivesJson } from './json-data.ts'
import { isMimeBundle, type MimeBundle } from './mime-bundle.ts'
import { isRows, type Row, tableBundle } from './table.ts'

// unit: characters of a value shown as text
const textLength = 100_000

/** How values become MIME bundles. Each throws what the value's own code throws, and INVALID_OPTIONS. */
export const displayRenderers = Object.freeze({
  value: renderValue,
  html: (text: string): MimeBundle => ({ 'text/html': `${text}` }),
  svg: (text: string): MimeBundle => ({ 'image/svg+xml': `${text}` }),
  json: (value: unknown): MimeBundle => ({ 'application/json': value, 'text/plain': plainText(value) }),
  image: imageBundle,
  table(rows: readonly Row[]): MimeBundle {
    if (isRows(rows)) return tableBundle(rows)
    throw coreErrors.INVALID_OPTIONS({ where: 'display.table()', problems: ['rows must be an array of plain objects'] })
  },
})

/** What a value is shown as: what it says itself, a bundle as it is, and what its kind suggests. */
function renderValue(value: unknown): MimeBundle | Promise<MimeBundle> {
  const hook = displayHookOf(value)
  if (hook !== undefined) {
    const shown = hook()
    return isThenable(shown) ? thenOf(promiseOf(shown), hookBundle, rethrow) : hookBundle(shown)
  }
  if (isMimeBundle(value)) return value
  if (isRows(value)) return tableBundle(value)
  if (value instanceof Uint8Array) {
    const type = imageTypeOf(value)
    if (type !== undefined) return { [type]: value }
  }
  if (typeof value === 'string') {
    return value.startsWith('<svg') ? { 'image/svg+xml': value } : { 'text/plain': value }
  }
  return { 'text/plain': plainText(value), ...(survivesJson(value) ? { 'application/json': value } : {}) }
}

function rethrow(error: unknown): never {
  throw error
}

function hookBundle(shown: unknown): MimeBundle {
  if (isMimeBundle(shown)) return shown
  const problems = ['it must give an object whose keys are MIME types']
  throw coreErrors.INVALID_OPTIONS({ where: "Symbol.for('Jupyter.display')", problems })
}

function imageBundle(bytes: Uint8Array, mime?: string): MimeBundle {
  const where = 'display.image()'
  if (!(bytes instanceof Uint8Array)) throw coreErrors.INVALID_OPTIONS({ where, problems: ['it takes a Uint8Array'] })
  const type = mime ?? imageTypeOf(bytes)
  if (type !== undefined && isMimeBundle({ [type]: bytes })) return { [type]: bytes }
  const problem = mime === undefined ? 'its MIME type is not known: give it' : `${mime} is not a MIME type`
  throw coreErrors.INVALID_OPTIONS({ where, problems: [problem] })
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : textOf(value, textLength).text
}

import { coreErrors, createCountingIds, type IdSource } from '@capsule/core'
import { displayLimits, type DisplayMessage } from '@capsule/protocol'
import { displayParts } from './display-parts.ts'

type Bundle = Readonly<Record<string, unknown>>

/** How values become MIME bundles; `displayRenderers` of the namespace package is one. */
export interface DisplayRenderers {
  value(value: unknown): Bundle | Promise<Bundle>
  html(text: string): Bundle
  svg(text: string): Bundle
  json(value: unknown): Bundle
  image(bytes: Uint8Array, mime?: string): Bundle
  table(rows: readonly Readonly<Record<string, unknown>>[]): Bundle
}

export interface DisplaysOptions {
  readonly renderers: DisplayRenderers
  /** Sends one part, behind what was printed; undefined: the host takes no displays, and `print` gets a text instead. */
  readonly show: ((message: DisplayMessage) => void) | undefined
  readonly print: (text: string) => void
  readonly currentExecutionId: () => string | undefined
  readonly isRunning: (executionId: string) => boolean
  /** The largest part to send. */
  readonly partBytes: number
  /** @defaultValue a counting source */
  readonly ids?: IdSource
}

export interface DisplayOptions {
  /** What `update` and `clear` of other handles name. @defaultValue a fresh one */
  readonly id?: string | undefined
  readonly metadata?: object | undefined
}

export interface DisplayHandle {
  readonly id: string
  /** Resolves when it is on its way: at once, unless the value renders itself asynchronously. */
  readonly shown: Promise<void>
  /** Shows another value in its place. */
  update(value: unknown, options?: Pick<DisplayOptions, 'metadata'>): Promise<void>
  clear(): void
}

/** The `display` builtin of cells. @throws INVALID_OPTIONS, and what the value's own rendering throws */
export interface DisplayBuiltin {
  (value: unknown, options?: DisplayOptions): DisplayHandle
  html(text: string, options?: DisplayOptions): DisplayHandle
  svg(text: string, options?: DisplayOptions): DisplayHandle
  json(value: unknown, options?: DisplayOptions): DisplayHandle
  /** The MIME type is found in the bytes of a PNG, JPEG, GIF or WebP. */
  image(bytes: Uint8Array, mime?: string, options?: DisplayOptions): DisplayHandle
  table(rows: readonly Readonly<Record<string, unknown>>[], options?: DisplayOptions): DisplayHandle
}

export interface Displays {
  readonly display: DisplayBuiltin
  /** Shows a value by itself; a promise when its rendering is one. */
  showValue(value: unknown): Promise<void> | undefined
}

type Action = DisplayMessage['action']

export function createDisplays(options: DisplaysOptions): Displays {
  const { renderers, ids = createCountingIds() } = options

  const send = (executionId: string, displayId: string, action: Action, bundle: Bundle, metadata?: object): void => {
    const { show, print, isRunning, partBytes } = options
    if (show === undefined) {
      if (action !== 'clear') print(`${textOfBundle(bundle)}\n`)
      return
    }
    const head = { executionId, displayId, action, ...(isRunning(executionId) ? {} : { late: true as const }) }
    for (const part of displayParts(head, { bundle, metadata }, partBytes)) show(part)
  }
  /** Emits at once, or once the bundle is there. */
  const emit = (
    displayId: string,
    action: Action,
    bundle: Bundle | Promise<Bundle>,
    metadata?: object,
  ): Promise<void> | undefined => {
    const executionId = options.currentExecutionId()
    // nothing known caused it
    if (executionId === undefined) return undefined
    if (bundle instanceof Promise) return bundle.then((ready) => send(executionId, displayId, action, ready, metadata))
    send(executionId, displayId, action, bundle, metadata)
    return undefined
  }
  const open = (bundle: Bundle | Promise<Bundle>, { id, metadata }: DisplayOptions = {}): DisplayHandle => {
    const displayId = id === undefined ? ids.next('display') : checkedId(id)
    // one behind the other: an update does not overtake what it updates
    let last = emit(displayId, 'show', bundle, metadata)
    const follow = (action: Action, render: () => Bundle | Promise<Bundle>, more?: object): Promise<void> => {
      last =
        last === undefined
          ? emit(displayId, action, render(), more)
          : last.then(() => emit(displayId, action, render(), more))
      return last ?? Promise.resolve()
    }
    return Object.freeze({
      id: displayId,
      shown: last ?? Promise.resolve(),
      update: (value: unknown, { metadata: more }: Pick<DisplayOptions, 'metadata'> = {}) =>
        follow('update', () => renderers.value(value), more),
      clear: () => void follow('clear', () => ({})),
    })
  }
  const display = Object.assign((value: unknown, more?: DisplayOptions) => open(renderers.value(value), more), {
    html: (text: string, more?: DisplayOptions) => open(renderers.html(text), more),
    svg: (text: string, more?: DisplayOptions) => open(renderers.svg(text), more),
    json: (value: unknown, more?: DisplayOptions) => open(renderers.json(value), more),
    image: (bytes: Uint8Array, mime?: string, more?: DisplayOptions) => open(renderers.image(bytes, mime), more),
    table: (rows: readonly Bundle[], more?: DisplayOptions) => open(renderers.table(rows), more),
  })
  return {
    display: Object.freeze(display),
    showValue: (value) => emit(ids.next('display'), 'show', renderers.value(value)),
  }
}

function checkedId(id: unknown): string {
  if (typeof id === 'string' && id !== '' && id.length <= displayLimits.idLength && id.isWellFormed()) return id
  const problems = [`id must be a string of 1 to ${displayLimits.idLength} characters`]
  throw coreErrors.INVALID_OPTIONS({ where: 'display()', problems })
}

/** What a host without displays is printed. */
function textOfBundle(bundle: Bundle): string {
  const plain = bundle['text/plain']
  return typeof plain === 'string' ? plain : `[${Object.keys(bundle).join(', ')}]`
}

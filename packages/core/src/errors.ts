/** What identifies a failure: one class for all of Capsule, told apart by `code`. */
export class CapsuleError<Code extends string = string, Details = unknown> extends Error {
  override readonly name = 'CapsuleError'
  readonly code: Code
  readonly details: Details

  constructor(code: Code, message: string, details: Details, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.details = details
  }
}

/** Recognises a {@link CapsuleError} by name and code, so that copies of this package and other realms count too. */
export function isCapsuleError(error: unknown): error is CapsuleError {
  return (
    typeof error === 'object' &&
    error !== null &&
    (error as { name?: unknown }).name === 'CapsuleError' &&
    typeof (error as { code?: unknown }).code === 'string'
  )
}

/** One row of a package's error table; `cause` and `next` go into `docs/errors.md`. */
export interface ErrorDefinition<Details = never> {
  readonly message: (details: Details) => string
  /** Why this happens, for the docs. */
  readonly cause: string
  /** What the reader can do about it, for the docs. */
  readonly next: string
}

export interface ErrorFactory<Code extends string, Details> {
  (details: Details, options?: ErrorOptions): CapsuleError<Code, Details>
  readonly code: Code
  readonly definition: ErrorDefinition<Details>
  /** Narrows an unknown value to this code. */
  is(error: unknown): error is CapsuleError<Code, Details>
}

export type ErrorTable<Table extends Record<string, ErrorDefinition>> = {
  readonly [Code in keyof Table & string]: ErrorFactory<Code, Parameters<Table[Code]['message']>[0]>
}

/** Turns a table of codes into factories: `errors.FRAME_TOO_LARGE({ bytes, limitBytes })`, `errors.FRAME_TOO_LARGE.is(error)`. */
export function defineErrors<Table extends Record<string, ErrorDefinition>>(table: Table): ErrorTable<Table> {
  const factories: Record<string, unknown> = {}
  for (const [code, definition] of Object.entries(table)) {
    const create = (details: never, options?: ErrorOptions): CapsuleError =>
      new CapsuleError(code, definition.message(details), details, options)
    const is = (error: unknown): error is CapsuleError => isCapsuleError(error) && error.code === code
    factories[code] = Object.freeze(Object.assign(create, { code, definition, is }))
  }
  return Object.freeze(factories) as ErrorTable<Table>
}

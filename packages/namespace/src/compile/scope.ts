import type { Identifier } from 'acorn'
import type { BindingKind } from './compile.ts'

export interface Binding {
  readonly kind: BindingKind | 'parameter'
  /** A reference before this place in the text, in code that runs as the text is read, comes too early. */
  readonly readyAt: number
  /** An initialiser that stands behind the name but runs before it is set (`let { a } = a`). */
  readonly initialiser?: readonly [start: number, end: number] | undefined
  /** Text of the function or class it was declared with. */
  readonly source?: string | undefined
  /** An async function declaration. */
  readonly isAsync?: boolean
}

export interface Reference {
  readonly node: Identifier
  readonly scope: Scope
  readonly isWrite: boolean
  /** `{ x }`: the name is also the key. */
  readonly isShorthand: boolean
  /** How many functions surround it; 0 runs as the text is read. */
  readonly depth: number
}

/** Names that one stretch of text declares. */
export class Scope {
  readonly parent: Scope | undefined
  readonly isFunction: boolean
  readonly bindings = new Map<string, Binding>()

  constructor(parent: Scope | undefined, isFunction: boolean) {
    this.parent = parent
    this.isFunction = isFunction
  }

  /** Where `var` goes. */
  get functionScope(): Scope {
    // oxlint-disable-next-line typescript/no-this-alias -- the walk starts here
    let scope: Scope = this
    while (!scope.isFunction && scope.parent) scope = scope.parent
    return scope
  }

  declare(name: string, binding: Binding): void {
    this.bindings.set(name, binding)
  }

  /** The scope that declares the name; the outermost when none does. */
  resolve(name: string): Scope {
    // oxlint-disable-next-line typescript/no-this-alias -- the walk starts here
    let scope: Scope = this
    while (scope.parent && !scope.bindings.has(name)) scope = scope.parent
    return scope
  }
}

export function isLexical(binding: Binding): boolean {
  return binding.kind === 'let' || binding.kind === 'const' || binding.kind === 'class' || binding.kind === 'import'
}

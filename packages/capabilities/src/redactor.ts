import type { CapabilityProvider, Logger } from '@capsule/core'
import { secretForms, shortestSecret } from './secret-forms.ts'

interface KnownSecret {
  readonly provider: string
  readonly name: string
  readonly read: () => string
  /** The present one first; what was rotated may still be in what others hold. */
  values: readonly string[]
}

// unit: values of one secret that are remembered
const rememberedValues = 4
const substitutes = ['[redacted]', '[…]', '***']

/**
 * Takes the secrets of the providers out of text, in every form of `secretForms`, and puts `[name]` there. A secret of
 * less than 4 characters is left: it would be found in most texts, and what is replaced would tell it.
 */
export class Redactor {
  #secrets: readonly KnownSecret[] = []
  readonly #logger: Logger
  #substitutes = new Map<string, string>()
  #pattern: RegExp | undefined

  constructor(providers: readonly CapabilityProvider[], logger: Logger) {
    this.#logger = logger
    this.watch(providers)
  }

  /** From now on also the secrets of these; those of others stay known. */
  watch(providers: readonly CapabilityProvider[]): void {
    const known = new Set(this.#secrets.map(({ provider }) => provider))
    const added = providers
      .filter(({ name }) => !known.has(name))
      .flatMap(({ name: provider, secrets }) =>
        Object.entries(secrets).map(([name, read]): KnownSecret => ({ provider, name, read, values: [] })),
      )
    this.#secrets = [...this.#secrets, ...added]
  }

  get hasSecrets(): boolean {
    return this.#secrets.length > 0
  }

  /** At most `length` UTF-16 units. A secret that is cut at the end of the text is found too. */
  redact(text: string, length = Infinity): string {
    if (!this.hasSecrets) return text.length > length ? `${text.slice(0, length - 1)}…` : text
    // enough to fill the length after what is replaced, and no more work than that
    const taken = text.length > length * 4 ? `${text.slice(0, length * 4)}…` : text
    this.#refresh()
    const pattern = this.#pattern
    if (pattern === undefined) return taken.length > length ? `${taken.slice(0, length - 1)}…` : taken
    let redacted = taken
    // what stands beside a substitute may become another secret
    for (let round = 0; round < 4 && pattern.test(redacted); round++) {
      pattern.lastIndex = 0
      redacted = redacted.replace(pattern, (form) => this.#substitutes.get(form) ?? substitutes[0] ?? '')
    }
    if (pattern.test(redacted)) redacted = ''
    pattern.lastIndex = 0
    if (redacted.endsWith('…')) redacted = `${this.#withoutCutSecret(redacted.slice(0, -1))}…`
    return redacted.length > length ? `${redacted.slice(0, length - 1)}…` : redacted
  }

  /** Read when they are used, so that one that cannot be read fails only what needs it. */
  secretsOf(provider: CapabilityProvider): Readonly<Record<string, string>> {
    const secrets: Record<string, string> = {}
    for (const [name, get] of Object.entries(provider.secrets)) {
      Object.defineProperty(secrets, name, { get, enumerable: true })
    }
    return Object.freeze(secrets)
  }

  #refresh(): void {
    let hasChanged = false
    for (const secret of this.#secrets) {
      const value = readSecret(secret)
      if (value === undefined || value === secret.values[0]) continue
      if (value.length < shortestSecret && value !== '') {
        const { provider, name } = secret
        this.#logger.warn('a secret is too short to be redacted', { provider, name, shortestSecret })
      }
      secret.values = [value, ...secret.values].slice(0, rememberedValues)
      hasChanged = true
    }
    if (hasChanged) this.#compile()
  }

  #compile(): void {
    const forms = new Map<string, string>()
    for (const { name, values } of this.#secrets) {
      for (const form of values.flatMap(secretForms)) if (!forms.has(form)) forms.set(form, `[${name}]`)
    }
    const longestFirst = [...forms.keys()].toSorted((a, b) => b.length - a.length)
    const holdsForm = (text: string): boolean => longestFirst.some((form) => text.includes(form))
    const fallback = substitutes.find((text) => !holdsForm(text)) ?? ''
    for (const [form, substitute] of forms) if (holdsForm(substitute)) forms.set(form, fallback)
    this.#substitutes = forms
    this.#pattern = longestFirst.length === 0 ? undefined : new RegExp(longestFirst.map(escapePattern).join('|'), 'g')
  }

  #withoutCutSecret(text: string): string {
    let longest = { length: 0, substitute: '' }
    for (const [form, substitute] of this.#substitutes) {
      for (let length = Math.min(form.length - 1, text.length); length > longest.length; length--) {
        if (length < shortestSecret) break
        if (text.endsWith(form.slice(0, length))) longest = { length, substitute }
      }
    }
    return text.slice(0, text.length - longest.length) + longest.substitute
  }
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function readSecret({ read }: KnownSecret): string | undefined {
  try {
    const value: unknown = read()
    return typeof value === 'string' ? value : undefined
  } catch {
    // what was known before is still redacted
    return undefined
  }
}

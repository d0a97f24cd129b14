// cells share `globalThis` with this code and may replace these
const { defineProperty, fromEntries } = Object
const { ownKeys } = Reflect
const NativeMap = Map

/** The headers of a response as `Headers` gives them, read only: names in lower case, several of one name joined. */
export interface ResponseHeaders extends Iterable<[string, string]> {
  get(name: string): string | null
  has(name: string): boolean
  getSetCookie(): string[]
  keys(): Iterable<string>
  values(): Iterable<string>
  entries(): Iterable<[string, string]>
  forEach(callback: (value: string, name: string) => void): void
}

export function responseHeaders(list: readonly (readonly [string, string])[]): ResponseHeaders {
  const byName: Map<string, string> = new NativeMap()
  for (const [given, value] of list) {
    const name = given.toLowerCase()
    const before = byName.get(name)
    byName.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  const cookies = list.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value)
  const methods: ResponseHeaders = {
    get: (name) => byName.get(`${name}`.toLowerCase()) ?? null,
    has: (name) => byName.has(`${name}`.toLowerCase()),
    getSetCookie: () => [...cookies],
    keys: () => byName.keys(),
    values: () => byName.values(),
    entries: () => byName.entries(),
    forEach: (callback) => byName.forEach((value, name) => callback(value, name)),
    [Symbol.iterator]: () => byName.entries(),
  }
  // printing it shows the headers
  const headers = fromEntries(byName)
  for (const key of ownKeys(methods)) {
    defineProperty(headers, key, { value: methods[key as keyof ResponseHeaders], configurable: true })
  }
  return headers as unknown as ResponseHeaders
}

import fc from 'fast-check'

/** A value as source text; `$3` stands for the third object of the namespace. */
const primitive = fc.oneof(
  fc.constantFrom('undefined', 'null', 'true', 'false', '-0', 'NaN', 'Infinity', '1e300', '-1', '2 ** 31', '0.1', '-7n', '2n ** 70n'),
  fc.integer().map(String),
  fc.double({ noNaN: true }).map((value) => (Object.is(value, -0) ? '-0' : String(value))),
  fc.string({ maxLength: 8, unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"\\ud800"', '"\\0"', '"é".repeat(60)', 'Symbol.iterator', 'Symbol.for("shared")', 'symbols[0]', 'symbols[1]', 'Math.max', 'Array.prototype'),
) // prettier-ignore

/** Objects by the text that makes them; `fill` is done when all are there. */
const makers = [
  '{}', '{}', '[]', '[]', 'new Map()', 'new Set()', 'Object.create(null)', 'new Date(5)', 'new Date(NaN)', '/a(?<n>b)/giu', 'new Error("e")',
  'new RangeError("r", { cause: 1 })', 'new AggregateError([], "all")', 'new ArrayBuffer(4)', 'new Uint8Array([1, 2, 3])', 'new Float64Array(2)',
  'new DataView(new ArrayBuffer(3))', 'Buffer.from("pooled")', 'Object("boxed")', 'Object(5)', 'Object(7n)', 'new URL("http://a/b")',
  'Symbol("own")', 'new Plain()', 'new Derived()', 'new List()', 'new Table()', 'new Failure("f")', 'new Old()', 'Object.create(shared)',
  'new Array(3)', 'new Array(100_000)', 'arrow', 'declared', 'Plain', 'Derived', 'methods', 'Plain.prototype.area', 'Old', 'generate',
] // prettier-ignore
const unsupported = [
  'new Proxy({}, {})', 'new WeakMap()', 'Promise.resolve(1)', 'closure()', 'new Secret()', 'generate()', '[].values()', 'bound', 'new Intl.NumberFormat()',
] // prettier-ignore

/** What every namespace has; the marker makes the texts of functions its own. */
export function definitions(marker: string): string {
  const m = `/* ${marker} */`
  return `
    const symbols = [Symbol('a'), Symbol()]
    const shared = { inherited() { ${m} return this } }
    class Plain { ${m} width = 2; static made = 1; area() { ${m} return this.width } get twice() { ${m} return 4 } static of() { ${m} return new Plain() } }
    class Derived extends Plain { ${m} area() { ${m} return super.area() * 2 } }
    class List extends Array { ${m} last() { ${m} return this.at(-1) } }
    class Table extends Map { ${m} }
    class Failure extends TypeError { ${m} constructor(message) { super(message); this.code = 'F' } }
    class Secret { ${m} #hidden = 1; read() { ${m} return this.#hidden } }
    function Old() { ${m} this.made = true } Old.prototype.old = function () { ${m} return 1 }
    function declared(n) { ${m} return n > 0 ? declared(n - 1) : shared }
    const arrow = (x = symbols) => { ${m} return x }
    const methods = { plain() { ${m} return 1 }, async later() { ${m} }, get read() { ${m} return 2 }, set read(v) { ${m} } }
    function* generate() { ${m} yield 1 }
    const closure = () => { ${m} let count = 0; return () => { ${m} return ++count } }
    const bound = declared.bind(null)
    undefined`
}

export const supportedNames = [
  'symbols',
  'shared',
  'Plain',
  'Derived',
  'List',
  'Table',
  'Failure',
  'Old',
  'declared',
  'arrow',
  'methods',
]

const key = fc.oneof(
  fc.constantFrom('"a"', '"b"', '"c"', '"__proto__"', '"constructor"', '"toString"', '"1"', '"-1"', '"length2"', 'symbols[0]', 'Symbol.for("k")'),
  fc.string({ maxLength: 4 }).map((text) => JSON.stringify(text)),
) // prettier-ignore
const attributes = fc.constantFrom(
  'writable: true, enumerable: true, configurable: true',
  'writable: true, configurable: true',
  'enumerable: true',
  '',
)

export interface RandomNamespace {
  readonly makers: readonly string[]
  /** Statements over `o`, the list of the objects. */
  readonly fills: readonly string[]
  readonly roots: readonly number[]
}

export const namespaces: fc.Arbitrary<RandomNamespace> = fc
  .array(
    fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom(...makers) },
      { weight: 1, arbitrary: fc.constantFrom(...unsupported) },
    ),
    {
      minLength: 2,
      maxLength: 14,
    },
  )
  .chain((chosen) => {
    const index = fc.nat({ max: chosen.length - 1 })
    const value = fc.oneof({ weight: 2, arbitrary: primitive }, { weight: 3, arbitrary: index.map((at) => `o[${at}]`) })
    // what an object refuses (a frozen one, a view, a symbol) is left out by `quiet`
    const fill = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(index, key, value).map(([at, name, what]) => `set(o[${at}], ${name}, ${what})`) },
      { weight: 4, arbitrary: fc.tuple(index, value, value).map(([at, name, what]) => `add(o[${at}], ${name}, ${what})`) },
      {
        weight: 2,
        arbitrary: fc.tuple(index, key, value, attributes).map(
          ([at, name, what, how]) => `define(o[${at}], ${name}, { __proto__: null, value: ${what}, ${how} })`,
        ),
      },
      { weight: 1, arbitrary: fc.tuple(index, key).map(([at, name]) => `define(o[${at}], ${name}, { get: arrow, set: undefined, configurable: true })`) },
      { weight: 1, arbitrary: fc.tuple(index, index).map(([at, other]) => `adopt(o[${at}], o[${other}])`) },
      { weight: 1, arbitrary: fc.tuple(index, fc.constantFrom('freeze', 'seal', 'preventExtensions')).map(([at, how]) => `harden(o[${at}], '${how}')`) },
    ) // prettier-ignore
    return fc.record({
      makers: fc.constant(chosen),
      fills: fc.array(fill, { maxLength: 25 }),
      roots: fc.uniqueArray(index, { minLength: 1, maxLength: 6 }),
    })
  })

/** A cell that makes the namespace; its roots are `r0`, `r1`, ... */
export function cellOf({ makers: made, fills, roots }: RandomNamespace): string {
  return `{
    const isObject = (value) => typeof value === 'object' || typeof value === 'function'
    const own = new Set([Math.max, Array.prototype])
    const set = (target, name, value) => { try { if (isObject(target) && !own.has(target)) Reflect.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true }) } catch {} }
    const add = (target, name, value) => {
      if (!isObject(target) || !Object.isExtensible(target)) return
      if (target instanceof Map) try { Map.prototype.set.call(target, name, value) } catch {}
      else if (target instanceof Set) try { target.add(value) } catch {}
      else if (Array.isArray(target) && target.length < 1000) target[target.length] = value
    }
    const define = (target, name, how) => { try { if (isObject(target) && !own.has(target)) Reflect.defineProperty(target, name, how) } catch {} }
    const adopt = (target, prototype) => { if (isObject(target) && typeof prototype === 'object' && typeof target === 'object') Reflect.setPrototypeOf(target, prototype) }
    const harden = (target, how) => { try { if (isObject(target)) Object[how](target) } catch {} }
    const o = []
    ${made.map((maker) => `o.push(${maker})`).join('\n    ')}
    ${fills.join('\n    ')}
    ${roots.map((at, index) => `globalThis.r${index} = o[${at}]`).join('\n    ')}
  }
  undefined`
}

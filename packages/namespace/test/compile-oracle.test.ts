import fc from 'fast-check'
import { type Runtime, Session } from 'node:inspector'
import { constants, createContext } from 'node:vm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCellRunner } from './cell-runner.ts'

const session = new Session()
let contextId = 0

beforeAll(() => {
  session.connect()
  session.on('Runtime.executionContextCreated', ({ params }) => (contextId = params.context.id))
  session.post('Runtime.enable')
})
afterAll(() => session.disconnect())

interface Result {
  readonly type: string
  readonly value?: unknown
}

/** V8's own REPL mode, in a new realm. */
function createOracle(): (expression: string) => Promise<Result> {
  const context = createContext(constants.DONT_CONTEXTIFY)
  const id = contextId
  return (expression) =>
    new Promise((resolve, reject) => {
      const parameters = { expression, contextId: id, replMode: true, awaitPromise: true }
      session.post('Runtime.evaluate', parameters, (error, answer) => {
        if (error) reject(error)
        else resolve(context && toResult(answer as Runtime.EvaluateReturnType))
      })
    })
}

function toResult({ result, exceptionDetails }: Runtime.EvaluateReturnType): Result {
  const thrown = exceptionDetails?.exception
  if (thrown) return { type: 'throw', value: thrown.className ?? thrown.value }
  return { type: result.type, value: result.value ?? result.unserializableValue }
}

async function attempt(run: () => Promise<{ v: unknown }>): Promise<Result> {
  try {
    const { v: value } = await run()
    const isPrimitive = value === null || (typeof value !== 'object' && typeof value !== 'function')
    return { type: typeof value, value: isPrimitive ? json(value) : undefined }
  } catch (error) {
    const isError = typeof error === 'object' && error !== null
    return { type: 'throw', value: isError ? (error as Error).name : error }
  }
}

/** As the protocol writes a number that JSON has not. */
function json(value: unknown): unknown {
  return typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? String(Object.is(value, -0) ? '-0' : value)
    : value
}

const label = fc.nat({ max: 1e9 }).map((n) => `l${n}`)

/** `@D` stands for a new name, `@R3` for one of those declared so far. */
const statements = fc.letrec<Record<string, string>>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer({ min: 0, max: 3 }).map(String),
    fc.nat({ max: 9 }).map((n) => `@R${n}`),
    fc.constantFrom('"s"', 'undefined', 'typeof @R0', 'typeof @R1', 'this === globalThis', 'g0', 'g1'),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a} + ${b})`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a}, ${b})`),
    fc
      .tuple(
        fc.constantFrom('g0', 'g1', '@R0', '@R1', '@R2'),
        fc.constantFrom('=', '+=', '||=', '??='),
        tie('expression'),
      )
      .map(([target, operator, value]) => `(${target} ${operator} ${value})`),
    fc.constantFrom('g0++', 'g1--', '@R0++', '@R1--'),
    tie('expression').map((e) => `(() => ${e})()`),
    tie('expression').map((e) => `await ${e}`),
    tie('expression').map((e) => `\`<\${${e}}>\``),
    tie('expression').map((e) => `({ p: ${e} }).p`),
    tie('expression').map((e) => `[${e}].length`),
    tie('expression').map((e) => `([g0, g1 = ${e}] = [${e}], g1)`),
    tie('expression').map((e) => `({ g0, x: @R1 } = { g0: 1, x: ${e} })`),
    tie('expression')
      .map((e) => `(function () { return ${e} })()`)
      .filter((text) => !text.includes('await')),
    tie('expression').map((e) => `(await (async () => ${e})())`),
  ),
  statement: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('expression').map((e) => `${e};`),
    tie('expression').map((e) => `${e}\n`),
    fc.constantFrom(';', '{}', 'debugger;', 'var g0;', 'throw 7;', 'if (g0) var g1 = 3;'),
    tie('expression').map((e) => `var g1 = ${e};`),
    tie('expression').map((e) => `var { g0, g1 = ${e} } = { g0: ${e} }\n`),
    fc.tuple(tie('expression'), tie('list')).map(([e, l]) => `if (${e}) { ${l} }`),
    fc.tuple(tie('expression'), tie('statement'), tie('statement')).map(([e, a, b]) => `if (${e}) { ${a} } else ${b}`),
    fc
      .tuple(tie('list'), tie('jump'), tie('list'))
      .map(([a, j, b]) => `for (let i = 0; i < 3; i++) { ${a} ${j} ${b} }`),
    tie('list').map((a) => `for (var g0 = 0; g0 < 9; g0++) { ${a} break; }`),
    fc.tuple(tie('list'), tie('jump'), tie('list')).map(([a, j, b]) => `for (const i of [1, 2]) { ${a} ${j} ${b} }`),
    fc.tuple(tie('list'), tie('jump')).map(([a, j]) => `for await (const i of [1, 2]) { ${a} ${j} }`),
    fc.tuple(tie('list'), tie('jump')).map(([a, j]) => `for (var g1 in { p: 1, q: 2 }) { ${a} ${j} }`),
    fc
      .tuple(tie('list'), tie('jump'), tie('expression'))
      .map(([a, j, e]) => `{ let i = 0; do { ${a} ${j} ${e} } while (i++ < 1) }`),
    fc.tuple(tie('list'), tie('jump')).map(([a, j]) => `{ let i = 0; while (i++ < 2) { ${a} ${j} } }`),
    fc
      .tuple(tie('list'), tie('list'), tie('list'))
      .map(([a, b, c]) => `switch (g0) { case 1: ${a} case 2: { ${b} break; } default: ${c} }`),
    fc.tuple(tie('list'), tie('list')).map(([a, b]) => `try { ${a} } catch { ${b} }`),
    fc
      .tuple(tie('list'), tie('list'), tie('list'))
      .map(([a, b, c]) => `try { ${a} } catch (e) { ${b} } finally { ${c} }`),
    fc
      .tuple(tie('list'), tie('list'), tie('jump'))
      .map(([a, b, j]) => `for (const i of [1, 2]) { try { ${a} } finally { ${b} ${j} } }`),
    fc.tuple(tie('list'), tie('list'), label).map(([a, b, l]) => `${l}: { ${a} if (g0) break ${l}; ${b} }`),
    fc
      .tuple(tie('list'), tie('list'), label)
      .map(([a, b, l]) => `${l}: for (const i of [1, 2]) { ${a} if (g0) continue ${l}; ${b} }`),
    tie('list').map((l) => `{ ${l} }`),
    fc.tuple(tie('expression'), label).map(([e, l]) => `{ let ${l} = ${e}; ${l}; }`),
  ),
  jump: fc.constantFrom('', '', 'if (g0) break;', 'if (g1) continue;', 'break;', 'continue;'),
  list: fc.array(tie('statement'), { maxLength: 3, depthIdentifier: 'list' }).map((all) => all.join(' ')),
}))

const top = fc.oneof(
  { weight: 6, arbitrary: statements['statement'] as fc.Arbitrary<string> },
  { weight: 1, arbitrary: (statements['expression'] as fc.Arbitrary<string>).map((e) => `let @D = ${e};`) },
  { weight: 1, arbitrary: (statements['expression'] as fc.Arbitrary<string>).map((e) => `const @D = ${e}\n;`) },
  {
    weight: 1,
    arbitrary: (statements['expression'] as fc.Arbitrary<string>).map(
      (e) => `const [@D, @D = ${e}] = [1], { p: @D } = { p: 2 };`,
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'let @D;',
      'class @D { static x = 1 }',
      'function @D() { return @R0 }',
      'const @D = () => @R1;',
    ),
  },
)
const program = fc.array(fc.array(top, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 })

/** Each name is declared once, because V8's REPL mode refuses it a second time as another kind. */
function nameAll(cells: readonly (readonly string[])[]): string[] {
  const declared = ['g0']
  return cells.map((cell) => {
    const parts = cell.map((text) => {
      const added: string[] = []
      const named = text.replaceAll(/@D|@R\d/g, (token) => {
        if (token !== '@D') return declared[Number(token.slice(2)) % declared.length] ?? ''
        added.push(`n${declared.length + added.length}`)
        return added.at(-1) ?? ''
      })
      declared.push(...added)
      return named
    })
    // a brace in front would make an object of it
    return `;${parts.join(' ')}`
  })
}

it('gives the values, errors and bindings that V8 gives in its REPL mode', async () => {
  let [compared, threw, waited] = [0, 0, 0]
  await fc.assert(
    fc.asyncProperty(program.map(nameAll), async (cells) => {
      const oracle = createOracle()
      const runner = createCellRunner()
      for (const cell of ['var g0 = 0, g1 = 1', ...cells]) {
        const expected = await oracle(cell)
        expect({ cell, ...(await attempt(() => runner.run(cell))) }).toEqual({ cell, ...expected })
        compared++
        if (cell.includes('await')) waited++
        // V8 leaves names dead whose cell threw
        if (expected.type === 'throw') {
          threw++
          return
        }
        for (const name of new Set(cell.match(/\b[gn]\d+\b/g))) {
          expect({ cell, name, ...(await attempt(() => runner.run(name))) }).toEqual({
            cell,
            name,
            ...(await oracle(name)),
          })
        }
      }
    }),
    {
      numRuns: Number(process.env['CAPSULE_FUZZ_RUNS'] ?? 400),
      seed: Number(process.env['CAPSULE_FUZZ_SEED'] ?? 42),
      endOnFailure: false,
    },
  )
  // the comparison is worth something only when it reaches all of it
  expect(compared).toBeGreaterThan(600)
  expect(threw).toBeGreaterThan(20)
  expect(waited).toBeGreaterThan(100)
}, 60_000)

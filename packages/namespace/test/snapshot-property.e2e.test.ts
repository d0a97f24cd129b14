import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startEngine } from './engine-process.ts'
import { cellOf, definitions, namespaces, supportedNames } from './random-namespace.ts'
import { roundTrip, skippedIn } from './round-trip.ts'

// CAPSULE_RUNS=2000 for a long search; a failure prints its seed and path
const numRuns = Number(process.env['CAPSULE_RUNS'] ?? 40)
const timeout = 30_000 + numRuns * 1000

test('a random namespace comes back as it was, or a report says what does not', { timeout }, async () => {
  const [from, to, fresh] = await Promise.all([startEngine(), startEngine(), startEngine()])
  const nothing = (await from.capture()).payload
  let runs = 0
  let last: { payload: string; kept: readonly string[]; before: string } | undefined
  await fc.assert(
    fc.asyncProperty(namespaces, async (namespace) => {
      // the marker keeps `to` from knowing the functions of this run from an earlier one
      await from.restore(nothing)
      await from.value(definitions(`run ${runs++}`))
      await from.value(cellOf(namespace))
      const trip = await roundTrip(from, to)
      expect(skippedIn(trip.restored)).toEqual({})
      expect(trip.after).toBe(trip.before)
      expect(trip.afterAgain).toBe(trip.before)
      expect(skippedIn(trip.again)).toEqual({})
      expect(trip.again.map(({ name }) => name).sort()).toEqual([...trip.kept].sort())
      const told = trip.captured.report.map(({ name }) => name)
      for (const index of namespace.roots.keys()) expect(told).toContain(`r${index}`)
      const known = Object.values(skippedIn(trip.captured.report))
      expect(known.every((reason) => reason !== 'undefined')).toBe(true)
      last = { payload: trip.captured.payload, kept: trip.kept, before: trip.before }
    }),
    { numRuns },
  )
  // `to` has seen all of them; this one has seen nothing
  expect((await fresh.restore(last?.payload ?? '')).kind).toBe('restored')
  expect(await fresh.describe(last?.kept ?? [])).toBe(last?.before)
})

/** Changes of a payload: its bytes, its lengths, its index, its records. */
type Change =
  | { readonly kind: 'random'; readonly bytes: Uint8Array }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'flip'; readonly places: readonly (readonly [at: number, value: number])[] }
  | { readonly kind: 'head'; readonly field: number; readonly value: number }
  | { readonly kind: 'index'; readonly path: readonly number[]; readonly value: unknown }

const fraction = fc.double({ min: 0, max: 1, noNaN: true })
const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('random' as const), bytes: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fraction }),
  fc.record({
    kind: fc.constant('flip' as const),
    places: fc.array(fc.tuple(fraction, fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant('head' as const), field: fc.nat({ max: 1 }), value: fc.nat({ max: 2 ** 31 }) }),
  fc.record({
    kind: fc.constant('index' as const),
    path: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 4 }),
    value: fc.oneof(
      fc.constantFrom(null, -1, 1e9, 2 ** 53, 'Object', '__capsule__', [], {}),
      fc.jsonValue({ maxDepth: 1 }),
    ),
  }),
)

function changed(payload: Buffer, change: Change): Buffer {
  const indexBytes = payload.readUInt32BE(8)
  switch (change.kind) {
    case 'random':
      return Buffer.concat([payload.subarray(0, change.bytes.length % 12), change.bytes])
    case 'cut':
      return payload.subarray(0, Math.floor(change.at * payload.length))
    case 'flip': {
      const bytes = Buffer.from(payload)
      // behind the index: there the structure is
      const start = 12 + indexBytes
      for (const [at, value] of change.places) bytes[start + Math.floor(at * (bytes.length - start - 1))] = value
      return bytes
    }
    case 'head': {
      const bytes = Buffer.from(payload)
      bytes.writeUInt32BE(change.value, 12 + indexBytes + 4 * change.field)
      return bytes
    }
    case 'index': {
      const index = JSON.parse(payload.toString('utf8', 12, 12 + indexBytes)) as object
      let holder = index as Record<string, unknown>
      const keyAt = (step: number): string => Object.keys(holder)[step % Object.keys(holder).length] as string
      for (const step of change.path.slice(0, -1)) {
        const next = holder[keyAt(step)]
        if (typeof next === 'object' && next !== null && Object.keys(next).length > 0) holder = next as typeof holder
      }
      holder[keyAt(change.path.at(-1) ?? 0)] = change.value
      const json = Buffer.from(JSON.stringify(index))
      const head = Buffer.from(payload.subarray(0, 12))
      head.writeUInt32BE(json.length, 8)
      return Buffer.concat([head, json, payload.subarray(12 + indexBytes)])
    }
  }
}

test('a payload that was changed is malformed and changes nothing, or is restored', { timeout }, async () => {
  const [from, to] = await Promise.all([startEngine(), startEngine()])
  await from.value(definitions('hostile'))
  await from.value(
    cellOf({
      makers: [
        'new Derived()',
        'new Map([[1, 2]])',
        '[1, , 3]',
        'new Failure("f")',
        'Buffer.from("abc")',
        'new DataView(new ArrayBuffer(9))',
        'Plain.prototype.area',
        'new Old()',
      ],
      fills: [
        'set(o[0], "a", o[1])',
        'add(o[1], o[2], o[0])',
        'define(o[7], symbols[0], { get: arrow })',
        'harden(o[2], "freeze")',
      ],
      roots: [0, 1, 2, 3, 4, 5, 6, 7],
    }),
  )
  await from.run('r1')
  const payload = Buffer.from((await from.capture()).payload, 'base64')
  await to.value(
    'var own = { a: [1, 2], self: null }; own.self = own; const fixed = 1; class Own { m() { return 1 } } var made = new Own(), arrow = 5; function declared() {}; 42',
  )
  const names = ['own', 'fixed', 'Own', 'made', 'arrow', 'declared']
  const state = async (): Promise<string> => {
    const history = await to.value(
      '[JSON.stringify([In, Object.keys(Out), _]), Object.keys(globalThis).sort(), typeof symbols]',
      { storeHistory: false },
    )
    return `${await to.describe(names)} ${JSON.stringify(history)} ${JSON.stringify((await to.capture()).report)}`
  }
  const own = (await to.capture()).payload
  expect((await to.restore(own)).kind).toBe('restored')
  const before = await state()
  let malformed = 0
  await fc.assert(
    fc.asyncProperty(changes, fc.constantFrom('replace' as const, 'merge' as const), async (change, mode) => {
      const answer = await to.restore(changed(payload, change).toString('base64'), mode)
      const isMalformed = answer.kind === 'malformed'
      if (isMalformed) malformed++
      expect(isMalformed || (await to.restore(own)).kind).toBe(isMalformed || 'restored')
      expect(await state()).toBe(before)
    }),
    { numRuns: numRuns * 5 },
  )
  expect(malformed).toBeGreaterThan(0)
})

test('what a cell that throws has changed is put back, or a report says so', { timeout }, async () => {
  const engine = await startEngine()
  const nothing = (await engine.capture()).payload
  const action = fc.tuple(fc.nat(), fc.nat(), fc.nat({ max: 13 }))
  let runs = 0
  await fc.assert(
    fc.asyncProperty(namespaces, fc.array(action, { minLength: 1, maxLength: 12 }), async (namespace, actions) => {
      await engine.restore(nothing)
      await engine.value(definitions(`undo ${runs++}`))
      await engine.value(cellOf(namespace))
      const names = [...supportedNames, ...namespace.roots.map((_, index) => `r${index}`)]
      const each = (): Promise<string[]> => Promise.all(names.map((name) => engine.describe([name])))
      const before = await each()
      const settled = await engine.run(mutationsOf(actions, names), {
        transaction: 'rollback-on-failure',
        storeHistory: false,
      })
      expect(settled.error?.message).toBe('undone')
      expect(settled.transaction?.action).toBe('rolled-back')
      const skipped = skippedIn(settled.transaction?.report ?? [])
      const after = await each()
      const keptOf = (texts: readonly string[]): string[] =>
        texts.filter((_, index) => !((names[index] as string) in skipped))
      expect(keptOf(after)).toEqual(keptOf(before))
      expect(await engine.value('typeof fresh + typeof Fresh + typeof undeclaredFresh', { storeHistory: false })).toBe(
        'undefinedundefinedundefined',
      )
    }),
    { numRuns },
  )
})

/** A cell that changes what it reaches from the names, in ways that are the same for the same actions, and throws. */
function mutationsOf(actions: readonly (readonly [number, number, number])[], names: readonly string[]): string {
  return `
    let fresh = 1; class Fresh {} undeclaredFresh = 2
    const isObject = (value) => (typeof value === 'object' || typeof value === 'function') && value !== null
    const reach = () => {
      const own = new Set()
      for (const name of ${JSON.stringify(names)}) if (isObject(globalThis[name])) own.add(globalThis[name])
      for (const value of own) {
        try {
          for (const key of Reflect.ownKeys(value)) {
            const inner = Reflect.getOwnPropertyDescriptor(value, key)?.value
            if (isObject(inner) && !natives.has(inner)) own.add(inner)
          }
          if (value instanceof Map) Map.prototype.forEach.call(value, (item) => isObject(item) && !natives.has(item) && own.add(item))
        } catch {}
      }
      return [...own]
    }
    const natives = new Set([Math.max, Array.prototype, globalThis])
    const act = (value, key, how) => {
      switch (how) {
        case 0: value.added = 1; break
        case 1: delete value[key]; break
        case 2: value[key] = 'changed'; break
        case 3: Reflect.defineProperty(value, key, { value: 1, enumerable: false, configurable: true, writable: true }); break
        case 4: Reflect.setPrototypeOf(value, { other: 1 }); break
        case 5: if (value instanceof Map) { const entries = [...value]; value.clear(); value.set('x', entries) } break
        case 6: if (value instanceof Set) value.add('x'); break
        case 7: if (Array.isArray(value)) value.length = 0; break
        case 8: if (Array.isArray(value)) value.push(1, 2); break
        case 9: if (ArrayBuffer.isView(value)) new Uint8Array(value.buffer, value.byteOffset, value.byteLength).fill(7); break
        case 10: if (value instanceof Date) value.setTime(99); break
        case 11: if (value instanceof RegExp) { value.compile('other', 'y'); value.lastIndex = 1 } break
        case 12: if (value instanceof Error) value.stack = 'changed'; break
        case 13: globalThis[${JSON.stringify(names)}[0]] = 'replaced'; break
      }
    }
    for (const [at, which, how] of ${JSON.stringify(actions)}) {
      const all = reach()
      const value = all[at % all.length]
      try { const keys = Reflect.ownKeys(value); act(value, keys[which % keys.length], how) } catch {}
    }
    throw new Error('undone')`
}

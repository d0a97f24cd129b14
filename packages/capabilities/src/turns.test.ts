import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Gate, Turns } from './turns.ts'

it('lets in as many as the gates allow, the oldest first', () => {
  const turns = new Turns()
  const gate: Gate = { limit: 2, running: 0 }
  const entered: number[] = []
  const leaves = [0, 1, 2, 3, 4].map((id) => turns.enter('lane', [gate], () => entered.push(id)))
  expect(entered).toEqual([0, 1])
  leaves[2]?.()
  turns.leave([gate])
  expect(entered).toEqual([0, 1, 3])
  expect(turns.waiting).toBe(1)
  expect(turns.tryEnter([gate])).toBe(false)
})

it('does not hold up those who wait for another gate', () => {
  const turns = new Turns()
  const [a, b, both]: Gate[] = [
    { limit: 1, running: 1 },
    { limit: 1, running: 0 },
    { limit: 5, running: 0 },
  ]
  const entered: string[] = []
  turns.enter('a', [a!, both!], () => entered.push('a'))
  turns.enter('b', [b!, both!], () => entered.push('b'))
  expect(entered).toEqual(['b'])
  expect(both!.running).toBe(1)
  turns.leave([a!])
  expect(entered).toEqual(['b', 'a'])
})

it('lets nobody overtake through a gate that has become wider', () => {
  const turns = new Turns()
  const gate: Gate = { limit: 1, running: 1 }
  const entered: string[] = []
  turns.enter('lane', [gate], () => entered.push('old'))
  gate.limit = 2
  expect(turns.tryEnter([gate])).toBe(false)
  turns.enter('lane', [gate], () => entered.push('new'))
  expect(entered).toEqual(['old'])
})

it('is fair and never too full, whatever happens', () => {
  const step = fc.record({
    what: fc.constantFrom('enter', 'enter', 'leave', 'give up'),
    lane: fc.nat({ max: 2 }),
    at: fc.nat(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const turns = new Turns()
      const shared: Gate = { limit: 3, running: 0 }
      const gates: Gate[] = [1, 2, 3].map((limit) => ({ limit, running: 0 }))
      const running: { lane: number }[] = []
      const waiting: { id: number; lane: number; giveUp: () => void }[] = []
      const order: number[][] = [[], [], []]
      let nextId = 0
      const gatesOf = (lane: number): Gate[] => [gates[lane] as Gate, shared]
      for (const { what, lane, at } of steps) {
        if (what === 'enter') {
          const id = nextId++
          const admit = (): void => {
            running.push({ lane })
            order[lane]?.push(id)
            const index = waiting.findIndex((each) => each.id === id)
            if (index >= 0) waiting.splice(index, 1)
          }
          let isIn = false
          const giveUp = turns.enter(String(lane), gatesOf(lane), () => {
            isIn = true
            admit()
          })
          if (!isIn) waiting.push({ id, lane, giveUp })
        } else if (what === 'leave' && running.length > 0) {
          const [left] = running.splice(at % running.length, 1)
          turns.leave(gatesOf(left!.lane))
        } else if (waiting.length > 0) waiting.splice(at % waiting.length, 1)[0]?.giveUp()
        expect(turns.waiting).toBe(waiting.length)
        expect(shared.running).toBe(running.length)
        for (const gate of [...gates, shared]) expect(gate.running).toBeLessThanOrEqual(gate.limit)
        // nobody waits before an open door
        for (const each of waiting)
          expect(gatesOf(each.lane).some(({ running: now, limit }) => now >= limit)).toBe(true)
      }
      for (const ids of order) expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    }),
  )
})

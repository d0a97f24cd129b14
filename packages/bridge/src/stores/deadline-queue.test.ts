import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createDeadlineQueue } from './deadline-queue.ts'

it('gives the earliest first, whatever is added, moved and deleted', () => {
  const change = fc.tuple(fc.constantFrom('add', 'delete', 'take'), fc.nat(20), fc.nat(50))
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const queue = createDeadlineQueue()
      const model = new Map<string, number>()
      for (const [kind, number, atMs] of changes) {
        const id = `${number}`
        const due: string[] = []
        for (let first; kind === 'take' && (first = queue.takeDue(atMs)) !== undefined;) due.push(first)
        const expected = kind === 'take' ? [...model].filter(([, each]) => each <= atMs) : []
        expect(due.toSorted()).toEqual(expected.map(([each]) => each).toSorted())
        const times = due.map((each) => model.get(each)!)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        for (const each of due) model.delete(each)
        if (kind === 'add') {
          queue.add(id, atMs)
          model.set(id, atMs)
        } else if (kind === 'delete') {
          queue.delete(id)
          model.delete(id)
        }
        expect(queue.timeOf(`${number}`)).toBe(model.get(`${number}`))
        expect(queue.nextMs).toBe(model.size === 0 ? undefined : Math.min(...model.values()))
      }
    }),
  )
})

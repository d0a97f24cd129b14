import { createRecordingLogger } from '@capsule/testing'
import { expect, it } from 'vitest'
import { createEmitter } from './emitter.ts'

it('tells the others when a listener throws, and logs that', () => {
  const logger = createRecordingLogger()
  const emitter = createEmitter<{ told: [what: string] }>(logger)
  const heard: string[] = []
  emitter.source.on('told', () => {
    throw new Error('mine')
  })
  emitter.source.on('told', (what) => heard.push(what))
  emitter.emit('told', 'a')
  expect(heard).toEqual(['a'])
  expect(logger.lines).toMatchObject([{ message: 'a listener threw' }])
})

it('tells once, and not at all after off', () => {
  const emitter = createEmitter<{ told: [what: string] }>(createRecordingLogger())
  const heard: string[] = []
  const listener = (what: string): void => void heard.push(what)
  emitter.source.on('told', listener).off('told', listener)
  emitter.source.once('told', listener)
  emitter.emit('told', 'a')
  emitter.emit('told', 'b')
  expect(heard).toEqual(['a'])
})

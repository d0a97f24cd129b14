import { createRecordingLogger } from '@capsule/testing'
import { expect, it } from 'vitest'
import { createEmitter } from './emitter.ts'

it('tells the others when a listener throws, and logs that', () => {
  const logger = createRecordingLogger()
  const { source, emit } = createEmitter<{ told: [what: string] }>(logger)
  const heard: string[] = []
  source.on('told', () => {
    throw new Error('mine')
  })
  source.on('told', (what) => heard.push(what))
  emit('told', 'a')
  expect(heard).toEqual(['a'])
  expect(logger.lines).toMatchObject([{ message: 'a listener threw' }])
})

it('tells once, and not at all after off', () => {
  const { source, emit } = createEmitter<{ told: [what: string] }>(createRecordingLogger())
  const heard: string[] = []
  const listener = (what: string): void => void heard.push(what)
  source.on('told', listener).off('told', listener)
  source.once('told', listener)
  emit('told', 'a')
  emit('told', 'b')
  expect(heard).toEqual(['a'])
})

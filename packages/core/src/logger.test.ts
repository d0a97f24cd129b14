import { expect, it } from 'vitest'
import { createLogger, silentLogger } from './index.ts'

it('writes level, message and fields', () => {
  const lines: unknown[] = []
  const logger = createLogger((...line) => lines.push(line), { app: 'test' })
  logger.debug('a')
  logger.info('b', { x: 1 })
  logger.warn('c')
  logger.error('d', { app: 'other' })
  expect(lines).toEqual([
    ['debug', 'a', { app: 'test' }],
    ['info', 'b', { app: 'test', x: 1 }],
    ['warn', 'c', { app: 'test' }],
    ['error', 'd', { app: 'other' }],
  ])
})

it('adds the fields of a child to every line, the nearest first', () => {
  const lines: unknown[] = []
  const logger = createLogger((_level, _message, fields) => lines.push(fields), { a: 1 })
  logger.child({ b: 2 }).child({ a: 3 }).info('x', { c: 4 })
  logger.info('y')
  expect(lines).toEqual([{ a: 3, b: 2, c: 4 }, { a: 1 }])
})

it('discards everything by default', () => {
  expect(silentLogger.child({ a: 1 }).error('nobody hears')).toBeUndefined()
})

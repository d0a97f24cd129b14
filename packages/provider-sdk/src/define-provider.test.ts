import { expect, it } from 'vitest'
import * as z from 'zod'
import { defineProvider } from './define-provider.ts'

const provider = defineProvider({
  name: 'notes',
  specificationVersion: 'v1',
  secrets: { token: 'abc' },
  capabilities: {
    read: {
      summary: 'Reads a note.',
      effect: 'read',
      input: z.strictObject({ id: z.string(), lines: z.number().default(10) }),
      output: z.strictObject({ text: z.string() }),
      positional: ['id'],
      limits: { timeoutMs: 100 },
      handler: ({ id, lines }, { signal }) => ({ text: `${id.toUpperCase()} ${lines.toFixed(0)} ${signal.aborted}` }),
    },
  },
})

it('types what a handler returns', () => {
  const wrong = defineProvider({
    name: 'wrong',
    specificationVersion: 'v1',
    capabilities: {
      count: {
        summary: 'Cannot be.',
        input: z.strictObject({ id: z.string() }),
        output: z.strictObject({ n: z.number() }),
        // @ts-expect-error -- the output has no field `text`
        handler: ({ id }) => ({ text: id }),
      },
    },
  })
  expect(wrong.capabilities['count']?.checkOutput({ text: 'a' })).toMatchObject({ isValid: false })
})

it('checks input and output by the schemas, and names fields', () => {
  const { read } = provider.capabilities
  expect(read?.checkInput({ id: 'a' })).toEqual({ isValid: true, value: { id: 'a', lines: 10 } })
  expect(read?.checkInput({ id: 1, other: 2 })).toEqual({
    isValid: false,
    problems: ['id: Invalid input: expected string, received number', 'input: Unrecognized key: "other"'],
  })
  expect(read?.checkOutput({ text: 1 })).toMatchObject({ isValid: false })
  expect(read?.limits).toEqual({
    timeoutMs: 100,
    inputBytes: 1024 * 1024,
    outputBytes: 8 * 1024 * 1024,
    concurrent: 16,
  })
  expect(provider.secrets['token']?.()).toBe('abc')
})

it('disposes once, also when that fails', async () => {
  let count = 0
  const dispose = async (): Promise<void> => {
    count++
    throw new Error('still in use')
  }
  const input = z.strictObject({})
  const capabilities = { a: { summary: 'A.', input, output: input, handler: () => ({}) } }
  const failing = defineProvider({ name: 'a', specificationVersion: 'v1', capabilities, dispose })
  await expect(failing[Symbol.asyncDispose]()).rejects.toThrow('still in use')
  await expect(failing[Symbol.asyncDispose]()).rejects.toThrow('still in use')
  expect(count).toBe(1)
  await defineProvider({ name: 'a', specificationVersion: 'v1', capabilities })[Symbol.asyncDispose]()
})

it('cannot be changed from outside', () => {
  const { read } = provider.capabilities
  for (const part of [
    provider,
    provider.capabilities,
    provider.secrets,
    read,
    read?.limits,
    read?.positional,
    read?.inputSchema,
    read?.inputSchema['properties'],
  ])
    expect(Object.isFrozen(part)).toBe(true)
})

import fc from 'fast-check'
import { createRecordingLogger } from '@capsule/testing'
import { silentLogger } from '@capsule/core'
import { describe, expect, it } from 'vitest'
import { providerOf } from '../test/fixture.ts'
import { createRedactingLogger } from './redacting-logger.ts'
import { Redactor } from './redactor.ts'

const redactorOf = (secrets: Record<string, string | (() => string)>): Redactor =>
  new Redactor(
    [
      providerOf(
        'p',
        { read: () => 1 },
        Object.fromEntries(
          Object.entries(secrets).map(([name, each]) => [name, typeof each === 'string' ? () => each : each]),
        ),
      ),
    ],
    silentLogger,
  )

it('puts the name where a secret was, in all its forms', () => {
  const secret = 'p@ss word/\u00e9"1'
  const redactor = redactorOf({ token: secret })
  const bytes = Buffer.from(secret)
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    encodeURIComponent(secret).toLowerCase().replace('p%40ss', 'p%40ss'),
    new URLSearchParams({ a: secret }).toString().slice(2),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
  ]
  for (const form of forms) expect(redactor.redact(`<${form}>`)).toBe('<[token]>')
  for (const user of ['', 'a', 'ab', 'abc']) {
    const header = `Basic ${Buffer.from(`${user}:${secret}!`).toString('base64')}`
    const redacted = redactor.redact(header)
    expect(redacted).toContain('[token]')
    // what is left belongs to the user name, to what follows, or is a part of one character
    expect(redacted.length).toBeLessThan('Basic [token]'.length + 12)
  }
})

it('leaves texts without secrets, and secrets of less than 4 characters', () => {
  expect(redactorOf({}).redact('abc')).toBe('abc')
  const logger = createRecordingLogger()
  const redactor = new Redactor([providerOf('p', { read: () => 1 }, { pin: () => '123' })], logger)
  expect(redactor.redact('a 123 b')).toBe('a 123 b')
  redactor.redact('again')
  expect(logger.lines).toMatchObject([{ level: 'warn', fields: { provider: 'p', name: 'pin' } }])
})

it('knows a secret that was rotated, and one whose getter fails', () => {
  let current: string | undefined = 'first-secret'
  const redactor = redactorOf({
    token: () => {
      if (current === undefined) throw new Error('vault is closed')
      return current
    },
  })
  expect(redactor.redact('first-secret')).toBe('[token]')
  current = 'second-secret'
  expect(redactor.redact('first-secret second-secret')).toBe('[token] [token]')
  current = undefined
  expect(redactor.redact('first-secret second-secret')).toBe('[token] [token]')
})

it('finds a secret that is cut at the end of a text', () => {
  const redactor = redactorOf({ token: 'abcdefghij' })
  expect(redactor.redact('it is abcdef…')).toBe('it is [token]…')
  expect(redactor.redact(`${'x'.repeat(15)} abcdefghij`, 20)).toBe(`${'x'.repeat(15)} [to…`)
  // 4 * 5 characters are looked at, which cuts the secret
  expect(redactor.redact(`${'abcdefghij'.repeat(2)}`, 3)).not.toContain('abc')
})

it('does not put a secret where one was', () => {
  expect(redactorOf({ secret: 'secret' }).redact('a secret')).toBe('a [redacted]')
  expect(redactorOf({ 'my-token': 'token', other: 'redacted' }).redact('token redacted')).not.toMatch(/token|redacted/)
})

describe('whatever the secrets', () => {
  const secret = fc.oneof(
    fc.string({ minLength: 4, maxLength: 12 }),
    fc.string({ minLength: 4, maxLength: 12, unit: 'binary' }),
    fc.constantFrom('[token]', 'tok[b]en', 'redacted', 'aaaa', 'aaaaaaaa'),
  )
  const encodings: ((text: string) => string)[] = [
    (text) => text,
    (text) => Buffer.from(text).toString('base64'),
    (text) => Buffer.from(text).toString('hex'),
    (text) => new URLSearchParams({ a: text }).toString().slice(2),
    (text) => JSON.stringify(text).slice(1, -1),
  ]

  it('leaks none of them', () => {
    const parts = fc.array(fc.tuple(fc.string({ maxLength: 6 }), fc.nat({ max: 9 }), fc.nat({ max: 4 })), {
      maxLength: 6,
    })
    fc.assert(
      fc.property(secret, secret, parts, fc.nat({ max: 60 }), (a, b, list, length) => {
        const redactor = redactorOf({ a, b })
        const text = list
          .map(
            ([between, which, how]) => between + (encodings[how] as (text: string) => string)(which % 2 === 0 ? a : b),
          )
          .join('')
        const redacted = [redactor.redact(text), redactor.redact(text, length + 2)]
        const forms = [a, b]
          .flatMap((each) => encodings.map((encode) => encode(each)))
          .filter((form) => form.length >= 4)
        expect(forms.filter((form) => redacted.some((each) => each.includes(form)))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })
})

it('takes secrets out of all that a logger is given', () => {
  const logger = createRecordingLogger()
  const redactor = redactorOf({ token: 'abcdefgh' })
  const redacting = createRedactingLogger(logger, redactor)
  const error = Object.assign(new Error('no abcdefgh'), { code: 'X' })
  const throwing = {
    get field() {
      throw new Error('abcdefgh')
    },
  }
  redacting.child({ header: 'abcdefgh' }).warn('with abcdefgh', {
    list: ['abcdefgh', 1],
    abcdefgh: new Map(),
    error,
    throwing,
    bytes: Buffer.from('abcdefgh'),
    deep: { a: { b: { c: { d: { e: 'abcdefgh' } } } } },
  })
  expect(JSON.stringify(logger.lines)).not.toContain('abcdefgh')
  expect(logger.lines).toMatchObject([
    { message: 'with [token]', fields: { header: '[token]', list: ['[token]', 1], error: { message: 'no [token]' } } },
  ])
})

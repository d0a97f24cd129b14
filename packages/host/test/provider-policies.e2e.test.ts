import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type AuditRecord, createJsonLinesAudit, createMemoryAudit, definePolicy, policies } from '@capsule/host'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openProviderLab, secret, setups } from './provider-lab.ts'

const [threaded] = setups
const deadlineMs = 10_000

/** Calls by what a policy is about; `site` is the origin. */
const calls = (site: string): Readonly<Record<string, string>> => ({
  input: `input('name?')`,
  read: `caps.files.read('data:/a.txt')`,
  list: `caps.files.list('data:/')`,
  write: `caps.files.write('data:/b.txt', 'x')`,
  remove: `caps.files.remove('data:/b.txt')`,
  get: `caps.http.fetch('http://${site}/json')`,
  // where it is not granted it is Node's own
  fetch: `fetch.name === 'http.fetch' ? fetch('http://${site}/json') : notGranted`,
  post: `caps.http.fetch('http://${site}/count', { method: 'POST', body: 'x' })`,
  elsewhere: `caps.http.fetch('http://10.0.0.1/')`,
  system: `caps.system.now()`,
  shell: `caps.shell.run('echo', ['x'])`,
})
// what nobody grants is not there: `caps.files` is undefined
const absent = 'TypeError'
const files = { read: absent, list: absent, write: absent, remove: absent }
const http = { get: absent, fetch: 'ReferenceError', post: absent, elsewhere: absent }
const sandbox = { input: 'ReferenceError', ...files, ...http, system: absent, shell: absent }
const restricted = { ...sandbox, input: 'ok', read: 'ok', list: 'ok' }
const reading = { get: 'ok', fetch: 'ok', post: 'CAPABILITY_DENIED', elsewhere: 'HTTP_HOST_NOT_ALLOWED' }
const standard = { ...restricted, write: 'ok', remove: 'ok', ...reading }
const trusted = { ...standard, post: 'ok', system: 'ok', shell: 'ok, approved' }
const unrestricted = { ...trusted, shell: 'ok' }

describe('what each predefined policy allows', () => {
  it.each(Object.entries({ sandbox, restricted, standard, trusted, unrestricted }))('%s', async (name, table) => {
    const lab = await openProviderLab(threaded)
    const { session } = await lab.openSession({ policy: policies[name as keyof typeof policies] })
    const told: Record<string, string> = {}
    for (const [what, call] of Object.entries(calls(lab.site.origin))) {
      let approvals = ''
      const code = `await (async () => ${call})().then(() => 'ok', (error) => error.code ?? error.name)`
      const { outcome } = await session.run(code, {
        onInput: () => 'Ada',
        onApproval: () => ((approvals = ', approved'), true),
      })
      told[what] = String(outcome.value) + approvals
    }
    expect(told).toEqual(table)
    expect((await session.run('40 + 2')).outcome.value).toBe(42)
  })

  it('denies what a person denies, and what nobody is asked about', async () => {
    const lab = await openProviderLab(threaded)
    const { session, codeOf } = await lab.openSession({ policy: policies.trusted })
    expect(await codeOf(calls('')['shell']!)).toBe('APPROVAL_DENIED')
    const { outcome } = await session.run(`await ${calls('')['shell']}`, { onApproval: () => false })
    expect(outcome).toMatchObject({ status: 'error', error: { code: 'APPROVAL_DENIED' } })
    expect(outcome.error?.message).toContain(`'run-commands'`)
  })
})

describe('a grant that changes', () => {
  it.each(setups.slice(0, 2))('ends a stream that is being read, $executor', async (setup) => {
    const lab = await openProviderLab(setup)
    const { session, value } = await lab.openSession()
    const grants = lab.capsule.capabilitiesOf(session)
    const read = `const codes = []
const endless = (await caps.http.fetch('http://${lab.site.origin}/endless')).body
try { for await (const _ of endless) if (codes.length === 0) codes.push(await input()) } catch (error) { codes.push(error.code) }
const write = (async function* () { yield 'a'; await input(); yield 'b' })()
codes.push(await caps.files.write('data:/cut.txt', write).catch((error) => error.code))
codes.push(typeof caps.http, typeof caps.files.write, typeof caps.files.read)
codes`
    const asked = [() => grants.revoke('http.*'), () => grants.setPolicy(policies.restricted)]
    const { outcome } = await session.run(read, { onInput: () => (asked.shift()?.(), 'go') })
    expect(outcome.value).toEqual([
      'go',
      'CAPABILITY_REVOKED',
      'CAPABILITY_REVOKED',
      'undefined',
      'undefined',
      'function',
    ])
    await lab.site.cut.waitForCount(1, { deadlineMs })
    expect(await value(`await caps.files.read('data:/a.txt', 'utf8')`)).toBe('hello')
  })
})

describe('budgets and keys', () => {
  it('ends what is over a budget, by calls and by bytes, and goes on', async () => {
    const lab = await openProviderLab(threaded)
    const policy = definePolicy({
      name: 'scarce',
      rules: [
        { id: 'two-reads', effect: 'allow', capability: 'files.read', limits: { perExecution: { calls: 2 } } },
        {
          id: 'some-bytes',
          effect: 'allow',
          capability: 'http.fetch',
          limits: { perSession: { outputBytes: 100_000 } },
        },
        { id: 'few-bytes', effect: 'allow', capability: 'files.write', limits: { perCall: { inputBytes: 1000 } } },
      ],
    })
    const { codeOf, value } = await lab.openSession({ policy })
    const read = `caps.files.read('data:/a.txt')`
    expect(await codeOf(`[await ${read}, await ${read}, await ${read}]`)).toBe('CAPABILITY_BUDGET_EXCEEDED')
    expect(await codeOf(read)).toBe('no error')
    const fetched = `(await caps.http.fetch('http://${lab.site.origin}/large')).bytes()`
    expect(await codeOf(fetched)).toBe('CAPABILITY_BUDGET_EXCEEDED')
    await lab.site.cut.waitForCount(1, { deadlineMs })
    const pieces = `(async function* () { for (;;) yield new Uint8Array(400) })()`
    expect(await codeOf(`caps.files.write('data:/b.txt', ${pieces})`)).toBe('CAPABILITY_INPUT_TOO_LARGE')
    expect(await codeOf(`caps.files.write('data:/b.txt', new Uint8Array(2000))`)).toBe('CAPABILITY_INPUT_TOO_LARGE')
    expect(await value(`await caps.files.write('data:/b.txt', 'fits')`)).toEqual({ bytes: 4 })
  })

  it('makes a call with a key once', async () => {
    const lab = await openProviderLab(threaded)
    const { codeOf, value } = await lab.openSession()
    const append = (text: string): string =>
      `caps.files.append('data:/log.txt', '${text}', { idempotencyKey: 'first' })`
    expect(await value(`await Promise.all([${append('a')}, ${append('a')}])`)).toEqual([{ bytes: 1 }, { bytes: 1 }])
    expect(await value(`await ${append('a')}`)).toEqual({ bytes: 1 })
    expect(await codeOf(append('b'))).toBe('CAPABILITY_KEY_CONFLICT')
    expect(readFileSync(join(lab.folder, 'data/log.txt'), 'utf8')).toBe('a')
    const fetched = `caps.http.fetch('http://${lab.site.origin}/json', { idempotencyKey: 'second' })`
    expect(await value(`(await ${fetched}).status`)).toBe(200)
    expect(await codeOf(fetched)).toBe('CAPABILITY_NOT_REPEATABLE')
    expect(lab.site.requests.values).toEqual(['GET /json'])
  })
})

describe('the audit', () => {
  it('has a line for every decision and every end, and no secret', async () => {
    const memory = createMemoryAudit()
    const lab = await openProviderLab(threaded, memory)
    const path = join(lab.folder, 'audit.jsonl')
    const file = createJsonLinesAudit({ path })
    onTestFinished(() => file[Symbol.asyncDispose]())
    const second = await openProviderLab(threaded, file)
    for (const each of [lab, second]) {
      const { session, codeOf } = await each.openSession({ policy: policies.standard })
      const { origin } = each.site
      await codeOf(
        `(await caps.http.fetch('http://${origin}/json?token=${secret}', { headers: { accept: '${secret}' } })).text()`,
      )
      await codeOf(`caps.http.fetch('http://${secret}.example.com/')`)
      await codeOf(`caps.files.read('data:/${secret}')`)
      await codeOf(`caps.http.fetch('http://${origin}/count', { method: 'POST', body: '${secret}' })`)
      await codeOf(`caps.files.read({ path: 'data:/a.txt', encoding: '${secret}' })`)
      await session.shutdown()
    }
    await file.flush()
    const text = readFileSync(path, 'utf8')
    const records = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditRecord)
    const told = records.map(({ type, capability, outcome, rule, code }) => [type, capability, outcome, rule, code])
    expect(told).toEqual([
      ['decision', 'http.fetch', 'allowed', 'read-http', undefined],
      ['call', 'http.fetch', 'ok', 'read-http', undefined],
      ['decision', 'http.fetch', 'allowed', 'read-http', undefined],
      ['call', 'http.fetch', 'failed', 'read-http', 'HTTP_HOST_NOT_ALLOWED'],
      ['decision', 'files.read', 'allowed', 'read-files', undefined],
      ['call', 'files.read', 'failed', 'read-files', 'FILES_NOT_FOUND'],
      ['decision', 'http.fetch', 'denied', 'default', 'CAPABILITY_DENIED'],
      ['decision', 'files.read', 'refused', undefined, 'CAPABILITY_ARGUMENTS_INVALID'],
    ])
    expect(text).not.toContain(secret)
    expect(text).toContain('[')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const shape = (each: readonly AuditRecord[]): unknown[] =>
      each.map(({ type, capability, outcome, code }) => [type, capability, outcome, code])
    expect(shape(memory.records)).toEqual(shape(records))
  })
})

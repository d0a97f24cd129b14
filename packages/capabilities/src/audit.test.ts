import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRecordingLogger } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'
import { encodeArgs, openSession, providerOf } from '../test/fixture.ts'
import type { AuditRecord } from './audit-record.ts'
import { createCapabilityBroker } from './capability-broker.ts'
import { createCapabilityRegistry } from './capability-registry.ts'
import { createJsonLinesAudit } from './json-lines-audit.ts'
import { createMemoryAudit } from './memory-audit.ts'
import { policies } from './predefined-policies.ts'

const recordOf = (callId: string): AuditRecord => ({
  type: 'call',
  at: '2030-01-01T00:00:00.000Z',
  sessionId: 's',
  executionId: 'e',
  callId,
  capability: 'p.do',
  decision: 'allow',
  summary: '',
  inputBytes: 1,
  outputBytes: 2,
  durationMs: 3,
  outcome: 'ok',
  annotations: {},
})

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'capsule-audit-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const idsIn = async (path: string): Promise<string[]> =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as AuditRecord).callId)

it('says who called what, by which rule, how large, how long, and how it ended', async () => {
  const { call, records, clock } = openSession([
    providerOf('p', {
      do: ({ path }, { annotate }) => {
        annotate({ path: String(path), hits: 3, isCached: true })
        clock.advance(5)
        return 'done'
      },
    }),
  ])
  await call('p.do', ['a'], { callId: 'c' })
  const shared = {
    at: '2030-01-01T00:00:00.000Z',
    sessionId: 'session-1',
    executionId: 'execution-1',
    callId: 'c',
    capability: 'p.do',
    rule: 'everything',
    decision: 'allow',
    summary: 'does {"path":"a"}',
    inputBytes: 3,
  }
  expect(records).toEqual([
    { ...shared, type: 'decision', outputBytes: 0, durationMs: 0, outcome: 'allowed', annotations: {} },
    {
      ...shared,
      type: 'call',
      at: '2030-01-01T00:00:00.005Z',
      outputBytes: 5,
      durationMs: 5,
      outcome: 'ok',
      annotations: { path: 'a', hits: 3, isCached: true },
    },
  ])
  await call('p.no', ['a'], { callId: 'd' })
  expect(records[2]).toMatchObject({
    type: 'decision',
    capability: 'p.no',
    outcome: 'refused',
    code: 'CAPABILITY_UNKNOWN',
  })
  expect(records).toHaveLength(3)
})

it('bounds annotations', async () => {
  const { call, records } = openSession([
    providerOf('p', {
      do: (_, { annotate }) => {
        for (let index = 0; index < 100; index++) annotate({ [`k${index}`]: 'x'.repeat(5000) })
        annotate({ k1: 1, wrong: {} as never })
      },
    }),
  ])
  await call('p.do')
  const annotations = records.at(-1)?.annotations ?? {}
  expect(Object.keys(annotations)).toHaveLength(50)
  expect(annotations['k1']).toBe(1)
  expect(String(annotations['k0'])).toHaveLength(1000)
})

it('breaks no call when the sink fails, and says so once', async () => {
  for (const record of [
    () => {
      throw new Error('full')
    },
    () => Promise.reject(new Error('full')) as never,
  ]) {
    const logger = createRecordingLogger()
    const registry = createCapabilityRegistry([providerOf('p', { do: () => 1 })])
    const broker = createCapabilityBroker({ registry, audit: { record }, logger })
    const session = broker.open({ sessionId: 's', policy: policies.unrestricted })
    const request = { executionId: 'e', callId: 'c', capability: 'p.do', args: encodeArgs([]) }
    const ports = { signal: new AbortController().signal, approve: () => new Promise<never>(() => {}) }
    for (let time = 0; time < 3; time++) expect((await session.call(request, ports)).kind).toBe('value')
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  }
})

it('keeps the latest records in memory', () => {
  const audit = createMemoryAudit({ entries: 3 })
  for (const id of ['a', 'b']) audit.record(recordOf(id))
  expect([audit.records.map(({ callId }) => callId), audit.dropped]).toEqual([['a', 'b'], 0])
  for (const id of ['c', 'd', 'e', 'f', 'g']) audit.record(recordOf(id))
  expect([audit.records.map(({ callId }) => callId), audit.dropped]).toEqual([['e', 'f', 'g'], 4])
  expect(() => createMemoryAudit({ entries: 0 })).toThrow(/entries/)
})

it('appends lines in order to a file that only the owner reads', async () => {
  const path = join(await temporary(), 'audit.jsonl')
  const ids = Array.from({ length: 500 }, (_, index) => `c${index}`)
  const audit = createJsonLinesAudit({ path })
  for (const id of ids.slice(0, 250)) audit.record(recordOf(id))
  await audit.flush()
  for (const id of ids.slice(250)) audit.record(recordOf(id))
  await audit[Symbol.asyncDispose]()
  await audit[Symbol.asyncDispose]()
  expect(await idsIn(path)).toEqual(ids)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  // what is there stays, as it is
  await chmod(path, 0o640)
  const again = createJsonLinesAudit({ path })
  again.record(recordOf('last'))
  await again[Symbol.asyncDispose]()
  expect(await idsIn(path)).toEqual([...ids, 'last'])
  expect((await stat(path)).mode & 0o777).toBe(0o640)
  again.record(recordOf('later'))
  expect(again.dropped).toBe(1)
})

it('holds no more than its queue, and says what it drops', async () => {
  const path = join(await temporary(), 'audit.jsonl')
  const logger = createRecordingLogger()
  const line = JSON.stringify(recordOf('c0')).length + 1
  const audit = createJsonLinesAudit({ path, logger, queuedLength: 3 * line })
  for (let index = 0; index < 9; index++) audit.record(recordOf(`c${index}`))
  await audit.flush()
  audit.record(recordOf('d0'))
  await audit[Symbol.asyncDispose]()
  // the first was on its way to the file at once
  expect(await idsIn(path)).toEqual(['c0', 'c1', 'c2', 'c3', 'd0'])
  expect(audit.dropped).toBe(5)
  expect(logger.lines).toMatchObject([{ level: 'warn', fields: { records: 5, dropped: 5 } }])
})

it('breaks nothing when the file cannot be written, says so once, and goes on when it can', async () => {
  const directory = join(await temporary(), 'later')
  const logger = createRecordingLogger()
  const audit = createJsonLinesAudit({ path: join(directory, 'audit.jsonl'), logger })
  for (const id of ['a', 'b']) {
    audit.record(recordOf(id))
    await audit.flush()
  }
  expect([audit.dropped, logger.lines.map(({ level }) => level)]).toEqual([2, ['error']])
  await (await import('node:fs/promises')).mkdir(directory)
  audit.record(recordOf('c'))
  await audit[Symbol.asyncDispose]()
  expect((await readFile(join(directory, 'audit.jsonl'), 'utf8')).trim()).toBe(JSON.stringify(recordOf('c')))
  expect(logger.lines.map(({ level }) => level)).toEqual(['error', 'warn'])
})

it('checks its options', () => {
  expect(() => createJsonLinesAudit({ path: '' })).toThrow(/path/)
  expect(() => createJsonLinesAudit({ path: 'x', queued: 1 } as never)).toThrow(/queued/)
})

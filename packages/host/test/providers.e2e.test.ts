import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { availableLevels } from './available-levels.ts'
import { openProviderLab, secret, setups } from './provider-lab.ts'
import { largeBytes } from './provider-site.ts'

const levels = await availableLevels(['process', 'os'])
const deadlineMs = 10_000

/** For cells: what a call rejects with, or `ok`. And round trips, in which what is not held back would go on. */
const prelude = `const outcomeOf = (call) => call().then(() => 'ok', (error) => error.code ?? error.name)
const turns = async (count) => { for (let turn = 0; turn < count; turn++) await caps.system.now() }
async function* pieces(bytes) { for (let left = bytes; left > 0; left -= 65_536) { made += 65_536; yield new Uint8Array(65_536) } }
let made = 0`

describe.each(setups.filter(({ isolation }) => levels.includes(isolation)))(
  'providers, $isolation, $executor',
  (setup) => {
    it('reads and writes files, whole and as streams both ways', async () => {
      const lab = await openProviderLab(setup)
      const { value, codeOf } = await lab.openSession()
      await value(prelude)
      expect(await value(`await caps.files.read('data:/a.txt', 'utf8')`)).toBe('hello')
      expect(await value(`await caps.files.write('data:/large.bin', pieces(${largeBytes}))`)).toEqual({
        bytes: largeBytes,
      })
      expect(statSync(join(lab.folder, 'data/large.bin')).size).toBe(largeBytes)
      const count = `let bytes = 0
for await (const chunk of (await caps.files.readStream('data:/large.bin')).body) bytes += chunk.length
bytes`
      expect(await value(count)).toBe(largeBytes)
      const copy = `await caps.files.write('data:/copy.bin', (await caps.files.readStream('data:/large.bin')).body)`
      expect(await value(copy)).toEqual({ bytes: largeBytes })
      // more than may be open at once: each is closed before the next call is served
      const leave = `for (let i = 0; i < 20; i++) for await (const _ of (await caps.files.readStream('data:/large.bin')).body) break`
      expect(await value(`${leave}; 'left'`)).toBe('left')
      const failing = `(async function* () { yield 'half'; throw new RangeError('of the cell') })()`
      expect(await codeOf(`caps.files.write('data:/half.txt', ${failing})`)).toBe('RangeError')
      expect(readdirSync(join(lab.folder, 'data')).toSorted()).toEqual(['a.txt', 'copy.bin', 'large.bin'])
    })

    it('fetches: whole, as streams both ways, and no faster than is read', async () => {
      const lab = await openProviderLab(setup)
      const { origin } = lab.site
      const { value } = await lab.openSession()
      await value(`${prelude}\nconst site = 'http://${origin}'`)
      expect(await value(`await (await caps.http.fetch(site + '/json')).json()`)).toEqual({ answer: 42 })
      expect(lab.site.authorization()).toBe(`Bearer ${secret}`)
      expect(await value(`(await (await caps.http.fetch(site + '/json')).bytes()).length`)).toBe(13)
      const echo = `const reply = await caps.http.fetch(site + '/echo', { method: 'POST', body: pieces(1_000_000) })
;[reply.status, (await reply.bytes()).length]`
      expect(await value(echo)).toEqual([200, 1_048_576])
      const slow = `const large = (await caps.http.fetch(site + '/large')).body[Symbol.asyncIterator]()
let read = (await large.next()).value.length
await turns(100)
const sent = Number(await (await caps.http.fetch(site + '/sent')).text())
for (let next = await large.next(); !next.done; next = await large.next()) read += next.value.length
;[sent < ${largeBytes / 2}, read]`
      expect(await value(slow)).toEqual([true, largeBytes])
      const upload = `made = 0
const sending = caps.http.fetch(site + '/paused', { method: 'POST', body: pieces(${largeBytes}) })
await turns(100)
const before = made
await caps.http.fetch(site + '/release')
;[before < ${largeBytes / 2}, await (await sending).text()]`
      expect(await value(upload)).toEqual([true, String(largeBytes)])
    })

    it('cuts a connection off when its cell leaves, aborts or is cancelled', async () => {
      const lab = await openProviderLab(setup)
      const { origin, cut, requests } = lab.site
      const { session, value, codeOf } = await lab.openSession()
      await value(`for await (const _ of (await caps.http.fetch('http://${origin}/endless')).body) break`)
      await cut.waitForCount(1, { deadlineMs })
      expect(await codeOf(`caps.http.fetch('http://${origin}/never', { signal: AbortSignal.timeout(50) })`)).toBe(
        'CANCELLED',
      )
      await cut.waitForCount(2, { deadlineMs })
      const execution = session.execute(`await caps.http.fetch('http://${origin}/never')`)
      await requests.waitForCount(3, { deadlineMs })
      expect(await execution.cancel()).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 1 })
      await cut.waitForCount(3, { deadlineMs })
      expect(cut.values).toEqual(['/endless', '/never', '/never'])
      expect(await value(`await caps.files.read('data:/a.txt', 'utf8')`)).toBe('hello')
    })

    it('refuses a redirect to what is private, a bomb and other hosts, and goes on', async () => {
      const lab = await openProviderLab(setup)
      const { site, neighbour } = lab
      const { codeOf, value } = await lab.openSession()
      expect(await codeOf(`caps.http.fetch('http://${site.origin}/redirect')`)).toBe('HTTP_PORT_NOT_ALLOWED')
      expect(await codeOf(`(await caps.http.fetch('http://${site.origin}/bomb')).bytes()`)).toBe(
        'HTTP_RESPONSE_TOO_LARGE',
      )
      expect(await codeOf(`caps.http.fetch('http://${neighbour.origin}/json')`)).toBe('HTTP_PORT_NOT_ALLOWED')
      expect(await codeOf(`caps.http.fetch('http://169.254.169.254/latest')`)).toBe('HTTP_HOST_NOT_ALLOWED')
      expect(neighbour.requests.values).toEqual([])
      expect(await value(`(await caps.http.fetch('http://${site.origin}/json')).status`)).toBe(200)
    })

    it('runs commands, whole and as streams, and knows the system', async () => {
      const { value } = await (await openProviderLab(setup)).openSession()
      await value(prelude)
      expect(await value(`await caps.shell.run('echo', ['hi'])`)).toMatchObject({
        exitCode: 0,
        stdout: 'hi\n',
        stderr: '',
      })
      const through = `const output = []
for await (const event of (await caps.shell.start('cat', [], { input: pieces(3_000_000), encoding: 'bytes' })).body) output.push(event)
;[output.at(-1).exitCode, output.slice(0, -1).reduce((sum, { bytes }) => sum + bytes.length, 0), made]`
      expect(await value(through)).toEqual([0, 3_014_656, 3_014_656])
      const left = `for await (const { text } of (await caps.shell.start('yes')).body) { var first = text.slice(0, 4); break }
first`
      expect(await value(left)).toBe('y\ny\n')
      expect(
        await value(`const { value: stage } = await caps.system.env('STAGE')
const { epochMs } = await caps.system.now()
;[stage, (await caps.system.random(16)).length, Math.abs(epochMs - Date.now()) < 60_000]`),
      ).toEqual(['test', 16, true])
    })
  },
)

import {
  type CapabilityManifest,
  type CapabilityRequestMessage,
  type CapabilityResponseMessage,
  decodeValue,
  encodeValue,
} from '@capsule/protocol'
import { describe, expect, it } from 'vitest'
import type { ExecutorBench, OpenBench } from './executor-bench.ts'

const manifest: CapabilityManifest = {
  capabilities: [
    { name: 'files.read', returns: 'value' },
    { name: 'http.fetch', returns: 'response' },
  ],
  names: [{ name: 'fetch', capability: 'http.fetch' }],
  input: true,
}
const nothing: CapabilityManifest = { capabilities: [], names: [], input: false }

function valueOf(value: unknown): { kind: 'value'; value: Uint8Array } {
  return { kind: 'value', value: encodeValue(value, { bytes: 1000, depth: 10 })?.bytes ?? new Uint8Array() }
}

function reply(
  bench: ExecutorBench,
  { executionId, callId }: CapabilityRequestMessage,
  answer: CapabilityResponseMessage['answer'],
): void {
  bench.executor.respond({ type: 'capability-response', executionId, callId, answer })
}

export function capabilityCases(open: OpenBench): void {
  describe('capabilities', () => {
    it('has nothing that is not granted', async () => {
      const bench = await open()
      expect(await bench.text('[Object.keys(caps), typeof input]')).toBe("[ [], 'function' ]")
      bench.executor.grant(nothing)
      expect(await bench.text('[Object.keys(caps), typeof input, typeof prompt]')).toBe(
        "[ [], 'undefined', 'undefined' ]",
      )
      bench.executor.grant(manifest)
      expect(await bench.text('[Object.keys(caps), typeof caps.files.write, fetch === caps.http.fetch]')).toBe(
        "[ [ 'files', 'http' ], 'undefined', true ]",
      )
      bench.executor.grant({ ...manifest, capabilities: manifest.capabilities.slice(0, 1), names: [] })
      expect(await bench.text('[Object.keys(caps), fetch === globalThis.fetch, fetch.name]')).toBe(
        "[ [ 'files' ], true, 'fetch' ]",
      )
    })

    it('asks behind the output printed before, and gets the answer', async () => {
      const bench = await open()
      bench.executor.grant(manifest)
      const id = await bench.start(
        'process.stdout.write("a"); const text = await caps.files.read("x", { bytes: new Uint8Array([1]), idempotencyKey: "k", timeoutMs: 5 }); text',
      )
      const request = await bench.capabilityRequest(id)
      expect(bench.of(id).map(({ type }) => type)).toEqual(['output', 'capability-request'])
      expect(request).toMatchObject({ capability: 'files.read', idempotencyKey: 'k', timeoutMs: 5 })
      expect(decodeValue(request.args)).toEqual(['x', { bytes: new Uint8Array([1]) }])
      reply(bench, request, valueOf('content'))
      reply(bench, request, valueOf('again'))
      expect(await bench.terminal(id)).toMatchObject({ text: "'content'" })
    })

    it('gives errors with their code, and what a Response has', async () => {
      const bench = await open()
      bench.executor.grant(manifest)
      const refused = await bench.start(
        'let code; try { await caps.files.read("x") } catch (error) { code = error.code }; code',
      )
      const error = { name: 'CapsuleError', message: 'no', code: 'CAPABILITY_DENIED' }
      reply(bench, await bench.capabilityRequest(refused), { kind: 'error', error })
      expect(await bench.terminal(refused)).toMatchObject({ text: "'CAPABILITY_DENIED'" })
      const fetched = await bench.start(
        'const r = await fetch("u"); [r.ok, r.status, r.headers.get("Content-TYPE"), await r.text(), await r.text().catch((e) => e.code)]',
      )
      const head = { status: 204, statusText: '', url: 'u', redirected: false, headers: [['content-type', 'a/b']] }
      reply(bench, await bench.capabilityRequest(fetched), valueOf(head))
      expect(await bench.terminal(fetched)).toMatchObject({ text: "[ true, 204, 'a/b', '', 'CAPABILITY_BODY_USED' ]" })
    })

    it('ends a call with its signal, its cell or its execution, and tells the host of the first', async () => {
      const bench = await open()
      bench.executor.grant(manifest)
      const id = await bench.start(
        'const stop = new AbortController(); const call = caps.files.read("x", { signal: stop.signal }); stop.abort(); await call.catch((error) => error.code)',
      )
      expect(await bench.terminal(id)).toMatchObject({ text: "'CANCELLED'" })
      expect(bench.of(id).map(({ type }) => type)).toEqual(['capability-request', 'capability-cancel', 'result'])
      const cancelled = await bench.start('await caps.files.read("y")')
      await bench.capabilityRequest(cancelled)
      bench.cancel(cancelled)
      expect(await bench.terminal(cancelled)).toMatchObject({ status: 'cancelled' })
      const left = await bench.start('void caps.files.read("z"); 1')
      expect(await bench.terminal(left)).toMatchObject({ text: '1' })
      reply(bench, await bench.capabilityRequest(left), valueOf('late'))
      expect(await bench.text('2')).toBe('2')
      expect(bench.messages.filter((message) => message.type === 'error' && !message.terminal)).toEqual([])
    })

    it('refuses what cannot be sent, and code that no running cell waits for', async () => {
      const bench = await open()
      bench.executor.grant(manifest)
      const codeOf = (call: string): string => `await ${call}.catch((error) => error.code)`
      expect(await bench.text(codeOf('caps.files.read(() => 1)'))).toBe("'CAPABILITY_CALL_INVALID'")
      expect(await bench.text(codeOf('caps.files.read("x", { timeoutMs: "soon" })'))).toBe("'CAPABILITY_CALL_INVALID'")
      expect(await bench.text(codeOf('caps.files.read("x", { signal: AbortSignal.abort() })'))).toBe("'CANCELLED'")
      await bench.run('let late; setTimeout(() => { late = caps.files.read("x").catch((error) => error.code) }); 1')
      expect(
        await bench.text('while (late === undefined) await new Promise((go) => setImmediate(go)); await late'),
      ).toBe("'CAPABILITY_OUTSIDE_CELL'")
      expect(bench.messages.some(({ type }) => type === 'capability-request')).toBe(false)
    })

    it('answers a refused question with the reason', async () => {
      const bench = await open()
      const id = await bench.start('let code; try { await input("a") } catch (error) { code = error.code }; code')
      const error = { name: 'CapsuleError', message: 'no', code: 'CAPABILITY_BUDGET_EXCEEDED' }
      bench.answer(await bench.inputRequest(id), { kind: 'refused', error })
      expect(await bench.terminal(id)).toMatchObject({ text: "'CAPABILITY_BUDGET_EXCEEDED'" })
    })
  })
}

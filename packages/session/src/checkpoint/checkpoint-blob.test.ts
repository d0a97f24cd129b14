import { hash, randomBytes } from 'node:crypto'
import { constants, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sessionErrors } from '../errors.ts'
import type { CheckpointFacts } from './checkpoint.ts'
import { openCheckpoint, readCheckpoint, sealCheckpoint } from './checkpoint-blob.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const payload = encode('{"rows":[1,2,3]}'.repeat(500))
const facts: CheckpointFacts = {
  id: 'checkpoint-1',
  name: 'before the import',
  sessionId: 'session-1',
  createdAtMs: 1_800_000_000_000,
  cell: 7,
  nodeVersion: '24.21.0',
  snapshotVersion: 3,
  report: [
    { name: 'rows', status: 'restored' },
    { name: 'socket', status: 'skipped', reason: 'open-handle', detail: 'socket: Socket' },
  ],
  payload,
}
const { payload: _, ...told } = facts

interface Forgery {
  readonly start?: readonly number[]
  readonly header?: unknown
  readonly headerLength?: number
  readonly stored?: Uint8Array
}

/** A blob whose digest is right whatever else is wrong: what an attacker writes, not what damage leaves. */
function forge({ start = [1, 0], header, headerLength, stored = payload }: Forgery): Uint8Array {
  const json =
    header instanceof Uint8Array
      ? header
      : encode(JSON.stringify(header ?? { ...told, compression: 'none', payloadBytes: stored.length }))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(headerLength ?? json.length)
  const sealed = Buffer.concat([encode('CAPSCKPT'), Uint8Array.from(start), length, json, stored])
  return new Uint8Array(Buffer.concat([sealed, hash('sha256', sealed, 'buffer')]))
}

/** The code of what a call rejects with. */
const codeOf = (call: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(call)
    .then(
      () => 'accepted',
      (error: { code: string }) => error.code,
    )

/** The code of the typed error that both readers refuse these bytes with. */
async function refusalOf(bytes: Uint8Array): Promise<string> {
  const [read, opened] = await Promise.all([codeOf(() => readCheckpoint(bytes)), codeOf(() => openCheckpoint(bytes))])
  expect(read).toBe(opened)
  return read
}

const typed = [
  'CHECKPOINT_CORRUPTED',
  'CHECKPOINT_MALFORMED',
  'CHECKPOINT_VERSION_UNSUPPORTED',
  'CHECKPOINT_TOO_LARGE',
] as const satisfies (keyof typeof sessionErrors)[]

describe('a sealed checkpoint', () => {
  it('has the bytes of format 1.0', async () => {
    const { bytes } = await sealCheckpoint({
      id: 'c',
      sessionId: 's',
      createdAtMs: 1,
      cell: 2,
      nodeVersion: '24.0.0',
      snapshotVersion: 1,
      report: [],
      payload: encode('ab'),
    })
    const header =
      '{"id":"c","sessionId":"s","createdAtMs":1,"cell":2,"nodeVersion":"24.0.0","snapshotVersion":1,"report":[],"compression":"none","payloadBytes":2}'
    const text = Buffer.from(bytes.subarray(0, -32)).toString('latin1')
    expect(text).toBe(`CAPSCKPT\x01\x00\x00\x00\x00\x90${header}ab`)
    expect(Buffer.from(bytes.subarray(-32)).toString('hex')).toBe(hash('sha256', Buffer.from(text, 'latin1'), 'hex'))
  })

  it('is read back without and with its payload', async () => {
    const sealed = await sealCheckpoint(facts)
    expect(sealed).toEqual({ ...told, payloadBytes: payload.length, bytes: expect.any(Uint8Array) })
    expect(sealed.bytes.length).toBeLessThan(payload.length)
    expect(readCheckpoint(sealed.bytes)).toEqual(sealed)
    const opened = await openCheckpoint(sealed.bytes)
    expect(opened.checkpoint).toEqual(sealed)
    expect(Buffer.from(opened.payload).equals(payload)).toBe(true)
  })

  it('holds what cannot be compressed as it is', async () => {
    const random = randomBytes(100_000)
    const { bytes } = await sealCheckpoint({ ...facts, payload: random })
    expect(Buffer.from(bytes).includes(random)).toBe(true)
    expect(Buffer.from((await openCheckpoint(bytes)).payload).equals(random)).toBe(true)
  })

  it('is read from any view, also of shared memory', async () => {
    const { bytes } = await sealCheckpoint(facts)
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 3), 3)
    shared.set(bytes)
    for (const view of [shared, Buffer.concat([randomBytes(5), bytes]).subarray(5)]) {
      expect(readCheckpoint(view).id).toBe(facts.id)
      expect(Buffer.from((await openCheckpoint(view)).payload).equals(payload)).toBe(true)
    }
  })

  it('carries whatever the facts are', async () => {
    const text = fc.string({ unit: 'binary' })
    const anyFacts = fc.record(
      {
        id: fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/),
        name: fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }),
        sessionId: text,
        createdAtMs: fc.maxSafeNat(),
        cell: fc.nat(),
        nodeVersion: text,
        snapshotVersion: fc.nat(),
        report: fc.array(fc.record({ name: text, status: fc.constantFrom('restored', 're-evaluated'), detail: text })),
        payload: fc.oneof(
          fc.uint8Array(),
          fc.uint8Array({ maxLength: 4 }).map((bytes) => repeated(bytes, 1000)),
        ),
      },
      {
        requiredKeys: ['id', 'sessionId', 'createdAtMs', 'cell', 'nodeVersion', 'snapshotVersion', 'report', 'payload'],
      },
    )
    await fc.assert(
      fc.asyncProperty(anyFacts, async (given) => {
        const { checkpoint, payload: opened } = await openCheckpoint((await sealCheckpoint(given)).bytes)
        const { payload: expected, ...expectedFacts } = given
        const { bytes, ...read } = checkpoint
        expect(read).toEqual({ ...expectedFacts, payloadBytes: expected.length })
        expect(readCheckpoint(bytes)).toEqual(checkpoint)
        expect(Buffer.from(opened).equals(expected)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })
})

const repeated = (bytes: Uint8Array, times: number): Uint8Array =>
  new Uint8Array(Buffer.concat(Array.from({ length: times }, () => bytes)))

describe('damage', () => {
  it('is found wherever a byte was changed', async () => {
    const { bytes } = await sealCheckpoint(facts)
    const codes = new Map<string, number[]>()
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice()
      damaged[at]! ^= 1 << (at % 8)
      const code = await refusalOf(damaged)
      codes.set(code, [...(codes.get(code) ?? []), at])
    }
    expect(codes.get('CHECKPOINT_MALFORMED')).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(codes.get('CHECKPOINT_VERSION_UNSUPPORTED')).toEqual([8])
    expect(codes.get('CHECKPOINT_CORRUPTED')).toHaveLength(bytes.length - 9)
  })

  it('is found wherever the end is missing', async () => {
    const { bytes } = await sealCheckpoint(facts)
    for (let length = 0; length < bytes.length; length++) {
      expect(await refusalOf(bytes.subarray(0, length))).toBe('CHECKPOINT_CORRUPTED')
    }
  })

  it('is found wherever bytes were changed, added or taken', async () => {
    const { bytes } = await sealCheckpoint(facts)
    const splice = fc.tuple(fc.nat(bytes.length), fc.nat(20), fc.uint8Array({ maxLength: 20 }))
    await fc.assert(
      fc.asyncProperty(splice, async ([at, taken, added]) => {
        const damaged = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + taken)])
        fc.pre(!damaged.equals(bytes))
        expect(typed).toContain(await refusalOf(damaged))
      }),
      { numRuns: 300 },
    )
  })
})

describe('bytes from anywhere', () => {
  it('are refused with a typed error', async () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((rest) => Buffer.concat([encode('CAPSCKPT\x01\x00'), rest])),
      fc.uint8Array({ maxLength: 200 }).map((header) => forge({ header })),
      fc.json().map((text) => forge({ header: encode(text) })),
    )
    await fc.assert(
      fc.asyncProperty(anyBytes, async (bytes) => {
        expect(typed).toContain(await refusalOf(bytes))
      }),
      { numRuns: 500 },
    )
  })

  it('are malformed when they are something else', async () => {
    expect(await refusalOf(encode('PK\x03\x04 some zip'))).toBe('CHECKPOINT_MALFORMED')
    expect(await refusalOf('CAPSCKPT' as never)).toBe('CHECKPOINT_MALFORMED')
    expect(await refusalOf(undefined as never)).toBe('CHECKPOINT_MALFORMED')
  })

  it.each([
    ['id', '../../etc/passwd'],
    ['id', ''],
    ['id', 'x'.repeat(129)],
    ['name', 5],
    ['sessionId', undefined],
    ['createdAtMs', -1],
    ['cell', 1.5],
    ['snapshotVersion', '3'],
    ['payloadBytes', -5],
    ['compression', 'gzip'],
    ['report', [{ name: 'x', status: 'gone' }]],
  ])('are malformed when the header has a bad %s', async (field, value) => {
    const header = { ...told, compression: 'none', payloadBytes: payload.length, [field]: value }
    expect(await refusalOf(forge({ header }))).toBe('CHECKPOINT_MALFORMED')
    expect(() => readCheckpoint(forge({ header }))).toThrow(field)
  })

  it('are malformed when the header is not UTF-8', async () => {
    const json = Buffer.from(JSON.stringify({ ...told, compression: 'none', payloadBytes: payload.length }))
    json[json.indexOf('before')] = 0xff
    expect(await refusalOf(forge({ header: new Uint8Array(json) }))).toBe('CHECKPOINT_MALFORMED')
  })

  it('are read when a newer minor adds to the header', async () => {
    const header = { ...told, compression: 'none', payloadBytes: payload.length, signedBy: 'later' }
    const bytes = forge({ start: [1, 9], header })
    expect(readCheckpoint(bytes)).toEqual({ ...told, payloadBytes: payload.length, bytes })
  })

  it('are refused when they are of another major', async () => {
    for (const major of [0, 2, 255]) {
      expect(await refusalOf(forge({ start: [major, 4] }))).toBe('CHECKPOINT_VERSION_UNSUPPORTED')
    }
    expect(() => readCheckpoint(forge({ start: [2, 4] }))).toThrow('has format 2.4; this release reads 1.x')
  })

  it('allocate nothing for a header that is not there', async () => {
    expect(await refusalOf(forge({ headerLength: 64 * 1024 * 1024 }))).toBe('CHECKPOINT_CORRUPTED')
    expect(await refusalOf(forge({ headerLength: 64 * 1024 * 1024 + 1 }))).toBe('CHECKPOINT_TOO_LARGE')
    expect(await refusalOf(forge({ headerLength: 0xffff_ffff }))).toBe('CHECKPOINT_TOO_LARGE')
  })
})

describe('a payload from anywhere', () => {
  const compressed = (stored: Uint8Array, payloadBytes: number): Uint8Array =>
    forge({ stored, header: { ...told, compression: 'zstd', payloadBytes } })
  const bomb = zstdCompressSync(new Uint8Array(64 * 1024 * 1024))

  it('is refused when it says that it is larger than the limit', async () => {
    const bytes = compressed(bomb, 64 * 1024 * 1024)
    expect(readCheckpoint(bytes).payloadBytes).toBe(64 * 1024 * 1024)
    const opening = openCheckpoint(bytes, { limits: { payloadBytes: 1024 * 1024 } })
    await expect(opening).rejects.toMatchObject({
      code: 'CHECKPOINT_TOO_LARGE',
      details: { what: 'payload', bytes: 64 * 1024 * 1024, limitBytes: 1024 * 1024 },
    })
    expect(await codeOf(() => openCheckpoint(compressed(bomb, 2 ** 40)))).toBe('CHECKPOINT_TOO_LARGE')
  })

  it('stops at the size that it says it has', async () => {
    const before = process.memoryUsage().arrayBuffers
    expect(await codeOf(() => openCheckpoint(compressed(bomb, 1000)))).toBe('CHECKPOINT_MALFORMED')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
  })

  it.each([
    ['shorter than it says', compressed(zstdCompressSync(payload), payload.length + 1)],
    ['longer than it says', compressed(zstdCompressSync(payload), payload.length - 1)],
    ['said to be empty', compressed(zstdCompressSync(payload), 0)],
    [
      'shorter than it says, and not compressed',
      forge({ stored: payload.subarray(1), header: { ...told, compression: 'none', payloadBytes: payload.length } }),
    ],
    ['cut off', compressed(zstdCompressSync(payload).subarray(0, -5), payload.length)],
    ['not compressed', compressed(payload, payload.length)],
    ['nothing', compressed(new Uint8Array(), 5)],
    ['in need of a window of 128 MiB', compressed(wideWindow(), 64 * 1024 * 1024)],
  ])('is malformed when it is %s', async (_case, bytes) => {
    expect(readCheckpoint(bytes).id).toBe(facts.id)
    expect(await codeOf(() => openCheckpoint(bytes))).toBe('CHECKPOINT_MALFORMED')
  })

  function wideWindow(): Uint8Array {
    return zstdCompressSync(new Uint8Array(64 * 1024 * 1024), { params: { [constants.ZSTD_c_windowLog]: 27 } })
  }
})

describe('sealing', () => {
  it('keeps to the limits', async () => {
    const refused = (limits: object, what: string) =>
      expect(sealCheckpoint(facts, { limits })).rejects.toMatchObject({
        code: 'CHECKPOINT_TOO_LARGE',
        details: { what },
      })
    await refused({ payloadBytes: payload.length - 1 }, 'payload')
    await refused({ headerBytes: 100 }, 'header')
    const { bytes } = await sealCheckpoint(facts, { limits: { payloadBytes: payload.length } })
    await refused({ blobBytes: bytes.length - 1 }, 'blob')
    const exact = { blobBytes: bytes.length }
    expect((await sealCheckpoint(facts, { limits: exact })).bytes).toEqual(bytes)
    expect(readCheckpoint(bytes, { limits: exact }).id).toBe(facts.id)
    expect(() => readCheckpoint(bytes, { limits: { blobBytes: bytes.length - 1 } })).toThrow(
      'the blob of the checkpoint',
    )
    expect(() => readCheckpoint(bytes, { limits: { headerBytes: 10 } })).toThrow('the header of the checkpoint')
  })

  it('refuses facts and options that are wrong', async () => {
    const refused = (given: object, options?: object) =>
      expect(sealCheckpoint({ ...facts, ...given }, options)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await refused({ id: 'a/b' })
    await refused({ payload: 'text' })
    await refused({ nmae: 'typo' })
    await refused({}, { limits: { blobByte: 5 } })
    await refused({}, { limit: {} })
    await expect(openCheckpoint(new Uint8Array(), { limits: { blobBytes: -1 } })).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
    })
  })

  it('stops when the signal fires', async () => {
    const reason = new Error('no longer')
    const cancelled = { code: 'CANCELLED', cause: reason }
    await expect(sealCheckpoint(facts, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject(cancelled)
    const controller = new AbortController()
    const sealing = sealCheckpoint(facts, { signal: controller.signal })
    controller.abort(reason)
    await expect(sealing).rejects.toMatchObject(cancelled)
  })
})

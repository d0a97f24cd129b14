import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '@capsule/core'
import { createRecordingLogger, waitFor } from '@capsule/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Checkpoint, CheckpointFacts } from './checkpoint.ts'
import { sealCheckpoint } from './checkpoint-blob.ts'
import type { CheckpointStore } from './checkpoint-store.ts'
import { describeCheckpointStoreContract } from './checkpoint-store-contract.ts'
import { createDirectoryCheckpointStore } from './directory-checkpoint-store.ts'

const paths = new WeakMap<CheckpointStore, string>()
const remember = (store: CheckpointStore, path: string): CheckpointStore => {
  paths.set(store, path)
  return store
}

/** Two levels below a directory of its own, neither of which exists. */
const newPath = async (): Promise<string> => join(await mkdtemp(join(tmpdir(), 'capsule-store-')), 'a/b')
const removePath = (path: string): Promise<void> => rm(join(path, '../..'), { recursive: true })

/** Damages the last byte of the payload or, every other time, cuts the file in its header. */
async function corrupt(path: string, id: string): Promise<void> {
  const [file] = (await readdir(path)).filter((name) => name.startsWith(`${id}-`))
  const handle = await open(join(path, file!), 'r+')
  const { size } = await handle.stat()
  if (id.endsWith('1')) await handle.truncate(40)
  else await handle.write(Uint8Array.of(1, 2, 3), 0, 3, size - 40)
  await handle.close()
}

describeCheckpointStoreContract('directory', {
  createStore: async (wishes) => {
    const path = await newPath()
    return remember(createDirectoryCheckpointStore({ path, ...wishes }), path)
  },
  reopen: (store) => createDirectoryCheckpointStore({ path: paths.get(store)! }),
  corrupt: (store, id) => corrupt(paths.get(store)!, id),
  dispose: async (store) => removePath(paths.get(store)!),
  abilities: { retention: true, shared: true },
})

const seal = (id: string, facts: Partial<CheckpointFacts> = {}): Promise<Checkpoint> =>
  sealCheckpoint({
    id,
    sessionId: 'session-1',
    createdAtMs: 1,
    cell: 1,
    nodeVersion: '24.0.0',
    snapshotVersion: 1,
    report: [],
    payload: randomBytes(1000),
    ...facts,
  })

async function openStore(options: object = {}) {
  const path = await newPath()
  onTestFinished(() => removePath(path))
  const logger = createRecordingLogger()
  return { path, logger, store: createDirectoryCheckpointStore({ path, logger, ...options }) }
}

const idsOf = async (store: CheckpointStore): Promise<string[]> => (await store.list()).map(({ id }) => id)
const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

describe('the directory', () => {
  it('is made by the first save, for this user alone', async () => {
    const { path, store } = await openStore()
    expect(await store.list()).toEqual([])
    expect(await store.load('a')).toBeUndefined()
    expect(await store.delete('a')).toBe(false)
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
    await store.save(await seal('a'))
    const [file, ...others] = await readdir(path)
    expect(others).toEqual([])
    expect(await Promise.all([modeOf(join(path, '..')), modeOf(path), modeOf(join(path, file!))])).toEqual([
      '700',
      '700',
      '600',
    ])
  })

  it('is made again when it was removed meanwhile', async () => {
    const { path, store } = await openStore()
    await store.save(await seal('a'))
    await rm(path, { recursive: true })
    await store.save(await seal('b'))
    expect(await idsOf(store)).toEqual(['b'])
  })

  it('holds the blob as it is, under a name that keeps cases apart', async () => {
    const { path, store } = await openStore()
    const [lower, upper] = [await seal('abc'), await seal('aBc')]
    await store.save(lower)
    await store.save(upper)
    const files = await readdir(path)
    expect(files.toSorted()).toEqual(['abc-516dd854ec42b5b9.ckpt', 'abc-ba7816bf8f01cfea.ckpt'])
    expect(new Set(files.map((name) => name.toLowerCase())).size).toBe(2)
    expect(new Uint8Array(await readFile(join(path, 'abc-ba7816bf8f01cfea.ckpt')))).toEqual(lower.bytes)
  })

  it('is left by no id', async () => {
    const { path, store } = await openStore()
    await store.save(await seal('a'))
    const outside = join(path, '..', 'abc-ba7816bf8f01cfea.ckpt')
    await writeFile(outside, (await seal('abc')).bytes)
    for (const id of ['../abc', '/abc', 'abc', '../../b/../abc', outside]) {
      expect(await store.load(id)).toBeUndefined()
      expect(await store.delete(id)).toBe(false)
    }
    expect((await stat(outside)).isFile()).toBe(true)
  })

  it('may hold what is not ours', async () => {
    const { path, store, logger } = await openStore({ retention: { maxCheckpoints: 1 } })
    await store.save(await seal('kept', { createdAtMs: 2 }))
    const [ours] = await readdir(path)
    const abc = 'abc-ba7816bf8f01cfea.ckpt'
    const foreign = ['notes.txt', '.hidden', '.x.tmp', `${ours}.bak`, 'b-0000000000000000.ckpt']
    for (const name of foreign) await writeFile(join(path, name), (await seal('abc')).bytes)
    await mkdir(join(path, 'a-ca978112ca1bbdca.ckpt'))
    await writeFile(join(path, '..', 'elsewhere'), (await seal('abc')).bytes)
    await symlink(join(path, '..', 'elsewhere'), join(path, abc))
    const before = await readdir(path)
    expect(await idsOf(store)).toEqual(['kept'])
    expect(await store.load('b')).toBeUndefined()
    await expect(store.load('abc')).rejects.toMatchObject({
      code: 'CHECKPOINT_STORE_FAILED',
      details: { code: 'ELOOP' },
    })
    await store.save(await seal('kept', { createdAtMs: 3 }))
    expect(await readdir(path)).toEqual(before)
    expect(logger.lines).toEqual([])
  })

  it('is no place to wait for a pipe', async () => {
    const { path, store } = await openStore()
    await store.save(await seal('a'))
    execFileSync('mkfifo', [join(path, 'abc-ba7816bf8f01cfea.ckpt')])
    expect(await waitFor(idsOf(store))).toEqual(['a'])
    await expect(waitFor(store.load('abc'))).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPTED' })
  })
})

describe('a list', () => {
  it('tells the logger what it left out', async () => {
    const { path, store, logger } = await openStore()
    for (const id of ['x1', 'x2']) await store.save(await seal(id))
    await corrupt(path, 'x1')
    expect(await idsOf(store)).toEqual(['x2'])
    expect(logger.lines).toMatchObject([
      { level: 'warn', message: 'a checkpoint cannot be read', fields: { error: { code: 'CHECKPOINT_CORRUPTED' } } },
    ])
  })

  it('finds a header of any length', async () => {
    const { store } = await openStore()
    const lengths = [0, 65_000, 65_536 - 14, 70_000, 1_000_000]
    for (const length of lengths) {
      await store.save(await seal(`r${length}`, { report: [{ name: 'x'.repeat(length), status: 'restored' }] }))
    }
    expect((await idsOf(store)).toSorted()).toEqual(lengths.map((length) => `r${length}`).toSorted())
  })

  it.skipIf(process.platform !== 'linux')('reads no payloads', async () => {
    const { path, store } = await openStore()
    for (const id of ['a', 'b', 'c']) await store.save(await seal(id))
    // to a length, without content: quick to make, and refused only by who looks at the whole
    for (const file of await readdir(path)) await truncate(join(path, file), 200 * 1024 * 1024)
    const before = await readSoFar()
    expect(await store.list()).toHaveLength(3)
    expect((await readSoFar()) - before).toBeLessThan(1024 * 1024)
    await expect(store.load('a')).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPTED' })
    expect((await readSoFar()) - before).toBeGreaterThan(200 * 1024 * 1024)
  })

  /** Bytes that this process has asked its system for. */
  async function readSoFar(): Promise<number> {
    return Number(/rchar: (\d+)/.exec(await readFile('/proc/self/io', 'utf8'))![1])
  }
})

describe('a load', () => {
  it('refuses a file over the limit before it reads it', async () => {
    const { path, store } = await openStore({ limits: { blobBytes: 10_000 } })
    await store.save(await seal('a'))
    await truncate(join(path, (await readdir(path))[0]!), 10_001)
    await expect(store.load('a')).rejects.toMatchObject({ code: 'CHECKPOINT_TOO_LARGE' })
    expect(await store.list()).toEqual([])
  })

  it('does not take a file for another id', async () => {
    const { path, store } = await openStore()
    await store.save(await seal('a'))
    const [file] = await readdir(path)
    await rename(join(path, file!), join(path, 'abc-ba7816bf8f01cfea.ckpt'))
    expect(await store.load('abc')).toBeUndefined()
    expect(await store.list()).toEqual([])
  })
})

describe('leftovers of saves that never ended', () => {
  it('are not listed, stay while they may be written, and go later', async () => {
    const { path, store } = await openStore()
    await store.save(await seal('a'))
    const [file] = await readdir(path)
    const [fresh, old] = ['0', 'f'].map((digit) => join(path, `.${file}.${digit.repeat(16)}.tmp`))
    for (const leftover of [fresh!, old!]) await writeFile(leftover, (await seal('a')).bytes.subarray(0, 500))
    const anHourAgo = Date.now() / 1000 - 3600
    await utimes(old!, anHourAgo, anHourAgo)
    expect(await idsOf(store)).toEqual(['a'])
    await store.save(await seal('b'))
    const left = (await readdir(path)).filter((name) => name.endsWith('.tmp'))
    expect(left.map((name) => join(path, name))).toEqual([fresh])
  })

  it('are not made by a save that was refused or cancelled', async () => {
    const { path, store } = await openStore()
    await store.save(await seal('a'))
    const [file] = await readdir(path)
    await rm(join(path, file!))
    await mkdir(join(path, file!))
    await expect(store.save(await seal('a'))).rejects.toMatchObject({
      code: 'CHECKPOINT_STORE_FAILED',
      details: { code: 'EISDIR' },
    })
    const controller = new AbortController()
    const saving = store.save(await seal('b', { payload: randomBytes(5_000_000) }), { signal: controller.signal })
    controller.abort()
    await expect(saving).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(await readdir(path)).toEqual([file])
  })
})

describe('a path that cannot be used', () => {
  const failed = (action: string, ...codes: string[]) => ({
    code: 'CHECKPOINT_STORE_FAILED',
    details: { action, code: expect.toBeOneOf(codes) },
    cause: { code: expect.toBeOneOf(codes) },
  })

  it('is told when it is a file, or below one', async () => {
    const { path } = await openStore()
    await mkdir(join(path, '..'))
    await writeFile(path, 'a file')
    for (const unusable of [path, join(path, 'below')]) {
      const store = createDirectoryCheckpointStore({ path: unusable })
      await expect(store.save(await seal('a'))).rejects.toMatchObject(failed('save', 'EEXIST', 'ENOTDIR'))
      await expect(store.list()).rejects.toMatchObject(failed('list', 'ENOTDIR'))
      await expect(store.load('a')).rejects.toMatchObject(failed('load', 'ENOTDIR'))
      await expect(store.delete('a')).rejects.toMatchObject(failed('delete', 'ENOTDIR'))
      expect(await readFile(path, 'utf8')).toBe('a file')
    }
  })

  // root may write everywhere, except where the system itself lets nobody
  it.skipIf(process.platform !== 'linux' && process.getuid?.() === 0)('is told when it is not writable', async () => {
    const { path, store } = await openStore()
    const isRoot = process.getuid?.() === 0
    await mkdir(path, { recursive: true })
    await chmod(path, 0o500)
    const readOnly = isRoot ? createDirectoryCheckpointStore({ path: '/sys/kernel' }) : store
    await expect(readOnly.save(await seal('a'))).rejects.toMatchObject(failed('save', 'EACCES', 'EPERM', 'EROFS'))
  })

  it.each([{}, { path: '' }, { path: 5 }, { path: '/x', retention: { maxAge: 5 } }, { path: '/x', directory: '/y' }])(
    'is refused when the options are %o',
    (options) => {
      const invalid = expect.objectContaining({ code: 'INVALID_OPTIONS' })
      expect(() => createDirectoryCheckpointStore(options as never)).toThrow(invalid)
    },
  )
})

describe('retention', () => {
  it('keeps the save when it cannot clean up', async () => {
    const { path, store, logger } = await openStore({ retention: { maxCheckpoints: 1 } })
    await store.save(await seal('a'))
    const clock = {
      wallTimeMs() {
        throw new Error('no clock')
      },
    }
    const clockless = createDirectoryCheckpointStore({
      path,
      logger,
      clock: clock as never,
      retention: { maxAgeMs: 1 },
    })
    await clockless.save(await seal('b'))
    expect(await idsOf(store)).toEqual(['b', 'a'])
    expect(logger.lines).toMatchObject([{ level: 'warn', message: 'the checkpoint directory could not be cleaned up' }])
  })

  it('never takes what a save has just put in the place of something old', async () => {
    const { path, store } = await openStore()
    const count = 200
    const old = await Promise.all(
      Array.from({ length: count }, (_, createdAtMs) => seal(`x${createdAtMs}`, { createdAtMs })),
    )
    await Promise.all(old.map((checkpoint) => store.save(checkpoint)))
    const fresh = await seal('x0', { createdAtMs: count + 2 })
    let saving: Promise<void> | undefined
    // asked for the time when it knows what to delete, of which the oldest is the last
    const clock = { wallTimeMs: () => ((saving ??= pruning.save(fresh)), 0) } as unknown as Clock
    const pruning = createDirectoryCheckpointStore({ path, clock, retention: { maxCheckpoints: 1 } })
    await pruning.save(await seal('other', { createdAtMs: count + 1 }))
    await saving
    expect(await idsOf(store)).toEqual(['x0'])
  })

  it('leaves alone what it cannot read', async () => {
    const { path, store } = await openStore({ retention: { maxCheckpoints: 1 } })
    await store.save(await seal('x1'))
    await corrupt(path, 'x1')
    await store.save(await seal('x2'))
    await store.save(await seal('x3'))
    expect(await readdir(path)).toHaveLength(2)
    await expect(store.load('x1')).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPTED' })
  })
})

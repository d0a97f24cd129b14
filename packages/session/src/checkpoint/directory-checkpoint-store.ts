import { lstat, readdir, rename, rm, unlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type AbortOptions, isCapsuleError, throwIfAborted, withAbort } from '@capsule/core'
import { sessionErrors } from '../errors.ts'
import { checked } from '../checked.ts'
import type { Checkpoint } from './checkpoint.ts'
import {
  fileNameOf,
  isFileName,
  isTemporaryName,
  readCheckpointFile,
  readSummaryFile,
  temporaryNameOf,
} from './checkpoint-file.ts'
import { isCheckpointId } from './checkpoint-header.ts'
import { findExpired } from './checkpoint-retention.ts'
import type { CheckpointStore, CheckpointSummary } from './checkpoint-store.ts'
import { compareNewestFirst, summarizeForSave } from './checkpoint-summary.ts'
import {
  type DirectoryCheckpointStoreOptions,
  directoryStoreOptionsSchema,
  type ResolvedDirectoryStoreOptions,
  signalOf,
} from './store-options.ts'
import { makePrivateDirectory, syncDirectory, writeDurably } from './write-checkpoint-file.ts'

/** Unit: files read at once by a list. Threat: thousands of checkpoints take every descriptor, and memory for headers. */
const readersAtOnce = 4

/**
 * Unit: milliseconds from the last write to a temporary file until a save takes it for a leftover; much longer than any
 * save, maybe of another process, pauses. Threat: a process that crashes in the middle of each save fills the disk.
 */
const leftoverAgeMs = 15 * 60_000

/**
 * Keeps each checkpoint as one file of a directory, which the first save makes; several processes may use it at once.
 * @throws INVALID_OPTIONS; its methods CHECKPOINT_STORE_FAILED
 */
export function createDirectoryCheckpointStore(options: DirectoryCheckpointStoreOptions): CheckpointStore {
  const where = 'createDirectoryCheckpointStore()'
  return new DirectoryCheckpointStore(checked(where, directoryStoreOptionsSchema.safeParse(options)))
}

interface WrittenFile {
  readonly id: string
  readonly fileName: string
  readonly temporary: string
  readonly writtenAtMs: number
}

class DirectoryCheckpointStore implements CheckpointStore {
  readonly #options: ResolvedDirectoryStoreOptions
  readonly #path: string
  #committed: Promise<unknown> = Promise.resolve()

  constructor(options: ResolvedDirectoryStoreOptions) {
    this.#options = options
    this.#path = resolve(options.path)
  }

  async save(checkpoint: Checkpoint, options?: AbortOptions): Promise<void> {
    const signal = signalOf('save()', options)
    const { id } = summarizeForSave(checkpoint, this.#options.limits)
    const fileName = fileNameOf(id)
    await this.#attempt('save', async () => {
      await makePrivateDirectory(this.#path)
      const temporary = join(this.#path, temporaryNameOf(fileName))
      const writtenAtMs = await writeDurably(temporary, checkpoint.bytes, signal)
      // one after the other: retention must not delete what a save puts in the place of something old meanwhile
      const commit = this.#committed.then(() => this.#commit({ id, fileName, temporary, writtenAtMs }, signal))
      this.#committed = commit.catch(() => {})
      await commit
    })
  }

  async load(id: string, options?: AbortOptions): Promise<Checkpoint | undefined> {
    const signal = signalOf('load()', options)
    if (!isCheckpointId(id)) return undefined
    const reading = this.#attempt('load', () =>
      readCheckpointFile(this.#fileOf(fileNameOf(id)), this.#options.limits).catch(unlessMissing(undefined)),
    )
    const checkpoint = await withAbort(reading, signal, 'load()')
    // a file that was renamed by hand is not ours
    return checkpoint?.id === id ? checkpoint : undefined
  }

  async list(options?: AbortOptions): Promise<readonly CheckpointSummary[]> {
    const signal = signalOf('list()', options)
    return withAbort(
      this.#attempt('list', () => this.#list()),
      signal,
      'list()',
    )
  }

  async delete(id: string, options?: AbortOptions): Promise<boolean> {
    signalOf('delete()', options)
    if (!isCheckpointId(id)) return false
    return this.#attempt('delete', async () => {
      const wasThere = await this.#unlink(fileNameOf(id))
      if (wasThere) await syncDirectory(this.#path)
      return wasThere
    })
  }

  async #commit(written: WrittenFile, signal: AbortSignal | undefined): Promise<void> {
    try {
      throwIfAborted(signal, 'save()')
      await rename(written.temporary, this.#fileOf(written.fileName))
    } catch (error) {
      await rm(written.temporary, { force: true }).catch(() => {})
      throw error
    }
    await syncDirectory(this.#path)
    try {
      await this.#applyRetention(written.id)
      await this.#removeLeftovers(written.writtenAtMs)
    } catch (error) {
      // the checkpoint is kept, so the save has not failed; the next one tries again
      this.#options.logger.warn('the checkpoint directory could not be cleaned up', { path: this.#path, error })
    }
  }

  async #list(): Promise<CheckpointSummary[]> {
    const entries = await readdir(this.#path, { withFileTypes: true }).catch(unlessMissing([]))
    const names = entries.filter((entry) => entry.isFile() && isFileName(entry.name)).map(({ name }) => name)
    const left = names.values()
    const summaries: CheckpointSummary[] = []
    const readSome = async (): Promise<void> => {
      for (const name of left) summaries.push(...(await this.#summariesIn(name)))
    }
    await Promise.all(Array.from({ length: readersAtOnce }, readSome))
    return summaries.sort(compareNewestFirst)
  }

  /** One, or none when the file is gone, cannot be read, or has the name of another one. */
  async #summariesIn(fileName: string): Promise<CheckpointSummary[]> {
    try {
      const summary = await readSummaryFile(this.#fileOf(fileName), this.#options.limits)
      return fileNameOf(summary.id) === fileName ? [summary] : []
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      if (!isCapsuleError(error) && !['EACCES', 'EPERM', 'ELOOP'].includes(codeOf(error))) throw error
      this.#options.logger.warn('a checkpoint cannot be read', { path: this.#fileOf(fileName), error })
      return []
    }
  }

  async #applyRetention(savedId: string): Promise<void> {
    const { retention, clock } = this.#options
    if (retention === undefined) return
    const expired = findExpired(await this.#list(), retention, { savedId, nowMs: clock.wallTimeMs() })
    for (const { id } of expired) await this.#unlink(fileNameOf(id))
  }

  /** Times of the file system are compared with each other: its clock may not be this machine's. */
  async #removeLeftovers(nowMs: number): Promise<void> {
    const names = await readdir(this.#path)
    for (const path of names.filter(isTemporaryName).map((name) => this.#fileOf(name))) {
      const stats = await lstat(path).catch(unlessMissing(undefined))
      if (stats !== undefined && nowMs - stats.mtimeMs > leftoverAgeMs) await rm(path, { force: true })
    }
  }

  /** Whether it was there. */
  #unlink(fileName: string): Promise<boolean> {
    return unlink(this.#fileOf(fileName)).then(() => true, unlessMissing(false))
  }

  #fileOf(fileName: string): string {
    return join(this.#path, fileName)
  }

  /** @throws CHECKPOINT_STORE_FAILED for what the file system throws */
  async #attempt<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (isCapsuleError(error)) throw error
      const details = { action, path: this.#path, code: codeOf(error) }
      throw sessionErrors.CHECKPOINT_STORE_FAILED(details, { cause: error })
    }
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error)

const unlessMissing =
  <T>(value: T) =>
  (error: unknown): T => {
    if (codeOf(error) === 'ENOENT') return value
    throw error
  }

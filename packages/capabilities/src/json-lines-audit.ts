import { type FileHandle, open } from 'node:fs/promises'
import { type Logger, silentLogger } from '@capsule/core'
import * as z from 'zod'
import type { AuditRecord, AuditSink } from './audit-record.ts'
import { checkedOptions } from './checked-options.ts'

export interface JsonLinesAuditOptions {
  /** Made with mode 0600 if it is not there; one that is keeps its mode. */
  readonly path: string
  /** Told what cannot be written. @defaultValue discards everything */
  readonly logger?: Logger | undefined
  /** Unit: UTF-16 units of records that wait to be written; beyond it records are dropped. @defaultValue 8 Mi */
  readonly queuedLength?: number | undefined
}

export interface JsonLinesAudit extends AuditSink {
  /** Records that were not written: no room in the queue, or the file could not be written. */
  readonly dropped: number
  /** Resolves when all that was recorded until now is written, or dropped. Never rejects. */
  flush(): Promise<void>
  /** Writes what waits, then closes the file. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>
}

const optionsSchema = z.strictObject({
  path: z.string().min(1),
  logger: z.custom<Logger>((value) => typeof value === 'object' && value !== null, 'must be an object').optional(),
  queuedLength: z
    .number()
    .positive()
    .default(8 * 1024 * 1024),
})

/** Appends each record as a line of JSON. The order of lines is that of records. @throws INVALID_OPTIONS */
export function createJsonLinesAudit(options: JsonLinesAuditOptions): JsonLinesAudit {
  const { path, logger = silentLogger, queuedLength } = checkedOptions('createJsonLinesAudit()', optionsSchema, options)
  return new JsonLinesFile(path, logger, queuedLength)
}

class JsonLinesFile implements JsonLinesAudit {
  readonly #path: string
  readonly #logger: Logger
  readonly #queuedLength: number
  #queue: string[] = []
  #length = 0
  #file: FileHandle | undefined
  #writing: Promise<void> | undefined
  #disposed: Promise<void> | undefined
  #dropped = 0
  #untoldDrops = 0
  #isFailing = false
  /** A write that failed may have left a part of a line. */
  #isLineOpen = false

  constructor(path: string, logger: Logger, queuedLength: number) {
    this.#path = path
    this.#logger = logger
    this.#queuedLength = queuedLength
  }

  get dropped(): number {
    return this.#dropped
  }

  record(record: AuditRecord): void {
    const line = `${JSON.stringify(record)}\n`
    if (this.#disposed !== undefined || this.#length + line.length > this.#queuedLength) return this.#drop(1)
    this.#queue.push(line)
    this.#length += line.length
    this.#writing ??= this.#writeAll()
  }

  async flush(): Promise<void> {
    await this.#writing
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close()
    return this.#disposed
  }

  async #close(): Promise<void> {
    await this.#writing
    this.#tellDrops()
    try {
      await this.#file?.close()
    } catch (error) {
      this.#logger.error('the audit file could not be closed', { path: this.#path, error })
    }
  }

  /** One write at a time, with all that has gathered meanwhile. */
  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const lines = this.#queue
      this.#queue = []
      this.#length = 0
      try {
        // oxlint-disable-next-line no-await-in-loop -- the order of lines
        await this.#write(lines.join(''))
        this.#isFailing = false
        this.#tellDrops()
      } catch (error) {
        this.#failed(lines.length, error)
      }
    }
    this.#writing = undefined
  }

  async #write(text: string): Promise<void> {
    this.#file ??= await open(this.#path, 'a', 0o600)
    await this.#file.appendFile(this.#isLineOpen ? `\n${text}` : text)
    this.#isLineOpen = false
  }

  /** Told once until a write succeeds again. */
  #failed(records: number, error: unknown): void {
    this.#isLineOpen = true
    this.#drop(records)
    if (this.#isFailing) return
    this.#isFailing = true
    this.#logger.error('the audit file cannot be written', { path: this.#path, error })
  }

  #drop(records: number): void {
    this.#dropped += records
    this.#untoldDrops += records
  }

  #tellDrops(): void {
    if (this.#untoldDrops === 0) return
    const records = this.#untoldDrops
    this.#untoldDrops = 0
    this.#logger.warn('audit records were dropped', { path: this.#path, records, dropped: this.#dropped })
  }
}

import { Writable } from 'node:stream'

/** A terminal for readline whose echo can be switched off, for answers that are not to be seen. */
export class MaskedOutput extends Writable {
  isMasked = false
  readonly #terminal: Writable & { readonly columns?: number }
  readonly #onResize = (): boolean => this.emit('resize')

  constructor(terminal: Writable & { readonly columns?: number }) {
    super({ decodeStrings: false })
    this.#terminal = terminal
    terminal.on('resize', this.#onResize)
  }

  get columns(): number | undefined {
    return this.#terminal.columns
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, callback: () => void): void {
    if (!this.isMasked) this.#terminal.write(chunk)
    callback()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#terminal.off('resize', this.#onResize)
    callback(error)
  }
}

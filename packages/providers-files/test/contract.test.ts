import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeProviderContract } from '@capsule/provider-sdk/testing'
import { afterAll } from 'vitest'
import { files, filesErrors } from '../src/index.ts'
import { countOpen } from './tree.ts'

const base = realpathSync(mkdtempSync(join(tmpdir(), 'capsule-files-contract-')))
afterAll(() => rmSync(base, { recursive: true, force: true }))
let created = 0

for (const confinement of ['descriptors', 'realpath'] as const)
  describeProviderContract({
    name: `files (${confinement})`,
    create() {
      created += 1
      const path = join(base, `root-${created}`)
      const provider = files({
        roots: { data: { path, mode: 'rw', create: true } },
        maxReadBytes: 64 * 1024,
        maxDepth: 8,
        confinement,
      })
      writeFileSync(join(path, 'a.txt'), 'a')
      writeFileSync(join(path, 'large.bin'), new Uint8Array(300_000))
      return provider
    },
    calls: {
      read: {
        valid: [['data:/a.txt'], ['a.txt', 'utf8'], ['large.bin', { offset: 10, length: 10 }]],
        refused: [
          { args: ['other:/a.txt'], code: 'FILES_ROOT_UNKNOWN' },
          { args: ['none.txt'], code: 'FILES_NOT_FOUND' },
          { args: ['data:/'], code: 'FILES_PATH_INVALID' },
        ],
        large: ['large.bin'],
      },
      readStream: {
        valid: [['large.bin']],
        refused: [{ args: ['none.txt'], code: 'FILES_NOT_FOUND' }],
        streamed: ['large.bin'],
      },
      write: {
        valid: [
          ['b.txt', 'text'],
          ['c.bin', Uint8Array.of(1)],
          { args: ['d.bin'], body: () => [Uint8Array.of(1), Uint8Array.of(2)] },
        ],
        refused: [
          { args: ['a.txt', 'x', { ifExists: 'fail' }], code: 'FILES_EXISTS' },
          { args: ['none/a.txt', 'x'], code: 'FILES_NOT_FOUND' },
        ],
        slow: {
          args: ['e.bin'],
          async *body() {
            yield Uint8Array.of(1)
            await new Promise(() => {})
          },
        },
      },
      append: { valid: [['b.txt', 'text']], refused: [{ args: ['a.txt/b', 'x'], code: 'FILES_NOT_A_DIRECTORY' }] },
      list: {
        valid: [['data:/'], ['data:/', { limit: 1 }]],
        refused: [{ args: ['a.txt'], code: 'FILES_NOT_A_DIRECTORY' }],
      },
      stat: { valid: [['a.txt'], ['data:/']], refused: [{ args: ['none'], code: 'FILES_NOT_FOUND' }] },
      remove: {
        valid: [['a.txt'], ['large.bin', { recursive: true }]],
        refused: [{ args: ['x'], code: 'FILES_NOT_FOUND' }],
      },
      mkdir: { valid: [['a/b', { recursive: true }], ['c']], refused: [{ args: ['x/y'], code: 'FILES_NOT_FOUND' }] },
      info: { valid: [[]] },
    },
    errorCodes: Object.keys(filesErrors),
    // where the roots are is nobody's business
    secrets: [base],
    countHeld: () => countOpen(base),
  })

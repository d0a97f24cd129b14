import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..')
const documentFile = join(root, 'docs/errors.md')
/** Every code that ever was in the tables: codes are added, never renamed or removed. */
const codesFile = join(root, 'tools/error-codes.txt')

export interface ErrorRow {
  readonly code: string
  readonly package: string
  readonly message: string
  readonly cause: string
  readonly next: string
}

interface Factory {
  readonly code: string
  readonly definition: { message: (details: never) => string; cause: string; next: string }
}

/** Stands for any value in a message template and shows as `<name>`, whatever the template does with it. */
function placeholder(name: string): unknown {
  const text = (): string => `<${name}>`
  return new Proxy(() => undefined, {
    get: (_, key) => ([Symbol.toPrimitive, 'toString', 'toJSON'].includes(key) ? text : placeholder(name)),
    apply: () => placeholder(name),
  })
}

const anyDetails = new Proxy({}, { get: (_, key) => placeholder(String(key)) })

const isFactory = (value: unknown): value is Factory =>
  typeof value === 'function' && typeof (value as Partial<Factory>).definition?.cause === 'string'

/** Reads the `defineErrors` tables of all packages. */
export async function readErrorTables(): Promise<ErrorRow[]> {
  const rows: ErrorRow[] = []
  for (const file of globSync('packages/*/src/{errors,core-errors}.ts', { cwd: root }).sort()) {
    const tables = Object.values((await import(pathToFileURL(join(root, file)).href)) as Record<string, unknown>)
    for (const table of tables.filter((value) => typeof value === 'object' && value !== null)) {
      for (const { code, definition } of Object.values(table).filter(isFactory)) {
        const message = String(definition.message(anyDetails as never))
        rows.push({
          code,
          package: `@capsule/${file.split('/')[1]}`,
          message,
          cause: definition.cause,
          next: definition.next,
        })
      }
    }
  }
  return rows
}

/** Codes that two packages define: `.is(error)` could not tell whose they are. */
export function findShared(rows: readonly ErrorRow[]): string[] {
  const shared = [...Map.groupBy(rows, (row) => row.code).values()].filter((group) => group.length > 1)
  return shared.map((group) => `${group[0]!.code} is defined by ${group.map((row) => row.package).join(' and ')}`)
}

/** Codes that were there once and are not any more. */
export function findGone(rows: readonly ErrorRow[], knownCodes: readonly string[]): string[] {
  const gone = knownCodes.filter((code) => !rows.some((row) => row.code === code))
  return gone.map((code) => `${code} is gone: codes are never renamed or removed`)
}

export const readKnownCodes = (): string[] => readFileSync(codesFile, 'utf8').split('\n').filter(Boolean)

const renderCodes = (rows: readonly ErrorRow[]): string =>
  [...new Set(rows.map((row) => `${row.code}\n`))].toSorted().join('')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')

export function renderErrors(rows: readonly ErrorRow[]): string {
  const sections = [...Map.groupBy(rows, (row) => row.package)].map(([name, group]) => {
    const lines = group
      .toSorted((a, b) => (a.code < b.code ? -1 : 1))
      .map((row) => `| \`${row.code}\` | \`${cell(row.message)}\` | ${cell(row.cause)} | ${cell(row.next)} |`)
    return `## ${name}\n\n| code | message | cause | what to do |\n|---|---|---|---|\n${lines.join('\n')}\n`
  })
  return `# Error codes

Every error that Capsule throws or rejects with is a \`CapsuleError\` with one of these codes. Recognise it by its code
(\`isCapsuleError(error) && error.code === 'TIMED_OUT'\`, or the \`.is(error)\` of the package's table), never by \`instanceof\`.
Codes are never renamed. What a cell throws is not here: that is an outcome with \`status: 'error'\`.

Generated from the packages' error tables by \`npm run errors\`; do not edit.

${sections.join('\n')}`
}

function write(rows: readonly ErrorRow[]): void {
  writeFileSync(documentFile, renderErrors(rows))
  writeFileSync(codesFile, renderCodes(rows))
}

const isCurrent = (file: string, text: string): boolean => existsSync(file) && readFileSync(file, 'utf8') === text

function findStale(rows: readonly ErrorRow[]): string[] {
  const isUpToDate = isCurrent(documentFile, renderErrors(rows)) && isCurrent(codesFile, renderCodes(rows))
  return isUpToDate ? [] : ['docs/errors.md is not up to date: run `npm run errors`']
}

async function main(isCheck: boolean): Promise<number> {
  const rows = await readErrorTables()
  const gone = findGone(rows, readKnownCodes())
  if (!isCheck && gone.length === 0) write(rows)
  const problems = [...gone, ...findShared(rows), ...findStale(rows)]
  for (const problem of problems) console.error(problem)
  return problems.length === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await main(process.argv.includes('--check'))

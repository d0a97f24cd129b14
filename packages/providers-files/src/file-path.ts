/** What a path may look like for one provider. */
export interface PathRules {
  readonly rootNames: readonly string[]
  /** Of one name, in UTF-8. */
  readonly maxNameBytes: number
  readonly platform: NodeJS.Platform
}

/** A path taken apart; written back by `formatFilePath` it has exactly one spelling. */
export interface FilePath {
  readonly root: string
  /** None is empty, `.` or `..`, or holds a separator. No segments: the root itself. */
  readonly segments: readonly string[]
}

export type ParsedPath = { readonly path: FilePath } | { readonly problem: string }

/** Unit: characters. Threat: messages and audit records full of one path. */
const maxPathLength = 1024

export const rootNamePattern: RegExp = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/

const rooted = /^([^/:]*):\/(.*)$/s

/** `root:/a/b`, or with exactly one root also `a/b`. Whether the root exists is not looked at. */
export function parseFilePath(text: string, rules: PathRules): ParsedPath {
  if (text.length > maxPathLength) return { problem: `must have at most ${maxPathLength} characters` }
  const [first] = rules.rootNames
  const example = `write it as ${first ?? 'root'}:/directory/file`
  const [, root, rest] = rooted.exec(text) ?? []
  if (root !== undefined && rest !== undefined) {
    if (!rootNamePattern.test(root)) return { problem: `has no valid root name before ':/'; ${example}` }
    return rest === '' ? { path: { root, segments: [] } } : parseSegments(root, rest, rules)
  }
  if (text === '') return { problem: `must not be empty; ${example}` }
  if (text.startsWith('/'))
    return { problem: `must not begin with '/', paths of the host are unknown here; ${example}` }
  if (text.split('/', 1)[0]?.includes(':')) return { problem: `has a ':' that is not followed by '/'; ${example}` }
  if (first === undefined || rules.rootNames.length > 1) {
    return { problem: `names no root, and there are several; ${example}` }
  }
  return parseSegments(first, text, rules)
}

export function formatFilePath({ root, segments }: FilePath): string {
  return `${root}:/${segments.join('/')}`
}

function parseSegments(root: string, rest: string, rules: PathRules): ParsedPath {
  const segments = rest.split('/')
  for (const segment of segments) {
    const problem = nameProblem(segment, rules)
    if (problem !== undefined) return { problem }
  }
  return { path: { root, segments } }
}

// eslint-disable-next-line no-control-regex -- they are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f]/
const windowsCharacters = /[<>:"|?*]/
const windowsDevice = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\s*\..*)?$/i

/** Why something cannot be one name of a path; `list` leaves such names out. */
export function nameProblem(
  name: string,
  { maxNameBytes, platform }: Pick<PathRules, 'maxNameBytes' | 'platform'>,
): string | undefined {
  if (name === '') return "has an empty name: no '//' and no '/' at the end"
  if (name === '.' || name === '..') return `has the name '${name}', which is not followed`
  if (name.includes('/')) return "has a '/' in a name"
  // refused everywhere: a path is the same text on every platform, and globs of policies take it for an escape
  if (name.includes('\\')) return "has a '\\'; names are separated by '/'"
  if (controls.test(name)) return 'has a control character'
  // two of them would be one name on the disk
  if (!name.isWellFormed()) return 'has half of a surrogate pair'
  if (Buffer.byteLength(name) > maxNameBytes) return `has a name of more than ${maxNameBytes} bytes (maxNameBytes)`
  if (isTemporaryName(name)) return 'has a name that is reserved for files being written'
  return platform === 'win32' ? windowsProblem(name) : undefined
}

function windowsProblem(name: string): string | undefined {
  if (windowsCharacters.test(name)) return `has a character that Windows does not take in names: < > : " | ? *`
  if (/[. ]$/.test(name)) return 'has a name that ends with a dot or a blank, which Windows drops'
  return windowsDevice.test(name) ? `has the name '${name}', which is a device on Windows` : undefined
}

export function temporaryNameOf(randomHex: string): string {
  return `.capsule-${randomHex}.tmp`
}

/** Without regard to case: some file systems have none. */
function isTemporaryName(name: string): boolean {
  return /^\.capsule-[0-9a-f]{16}\.tmp$/i.test(name)
}

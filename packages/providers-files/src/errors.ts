import { defineErrors } from '@capsule/core'

interface Named {
  /** As the cell writes it: `data:/reports/a.txt`. The host's own path is never told. */
  readonly path: string
}

export const filesErrors = defineErrors({
  FILES_ROOT_UNKNOWN: {
    message: ({ path, roots }: Named & { roots: readonly string[] }) =>
      `${path}: there is no such root; there are ${roots.map((root) => `${root}:/`).join(', ')}`,
    cause: 'The name before `:/` is none of the roots that the host gave to `files({ roots })`.',
    next: 'Begin the path with one of the roots that the message names, or let the host add one.',
  },
  FILES_PATH_INVALID: {
    message: ({ path, problem }: Named & { problem: string }) => `${path}: ${problem}`,
    cause:
      'A path is not of the form `root:/name/name`, or holds a name that is refused on every platform or on this one.',
    next: 'Write each name plainly, without `.`, `..`, empty names, backslashes and control characters.',
  },
  FILES_TOO_DEEP: {
    message: ({ path, maxDepth }: Named & { maxDepth: number }) =>
      `${path}: lies more than ${maxDepth} directories deep (maxDepth)`,
    cause: 'A path has more names than allowed, or `remove` met a tree that goes deeper.',
    next: 'Use flatter directories, or let the host raise `maxDepth`.',
  },
  FILES_READ_ONLY: {
    message: ({ path, root }: Named & { root: string }) =>
      `${path}: the root '${root}' is read-only; write to a root whose mode is 'rw'`,
    cause: "A call that writes named a root with `mode: 'ro'`, which is the default.",
    next: "Write to another root, or let the host set `mode: 'rw'` for this one.",
  },
  FILES_NOT_FOUND: {
    message: ({ path }: Named) => `${path}: does not exist`,
    cause: 'Nothing has this name, or a directory on the way to it is missing, or the root itself was deleted.',
    next: 'Look with `list`; make missing directories with `mkdir(path, { recursive: true })`.',
  },
  FILES_NOT_A_FILE: {
    message: ({ path, kind }: Named & { kind: string }) => `${path}: is a ${kind}, not a regular file`,
    cause: 'Only regular files are read, written and appended to; a FIFO, socket or device is never opened.',
    next: 'Name a regular file; use `list` for directories.',
  },
  FILES_NOT_A_DIRECTORY: {
    message: ({ path }: Named) => `${path}: is not a directory`,
    cause: 'A name in the middle of a path, or the one given to `list`, is not a directory.',
    next: 'Correct the path; `stat` tells what something is.',
  },
  FILES_LINK_REFUSED: {
    message: ({ path, kind }: Named & { kind: string }) =>
      `${path}: is a ${kind}, and links are not followed because they may lead out of the root`,
    cause: 'A name of the path is a symbolic link, or the file has a second name (hard link) that may lie outside.',
    next: "Name the file itself. For hard links in a root of one's own, the host may set `hardLinks: 'allow'`.",
  },
  FILES_MOUNT_REFUSED: {
    message: ({ path }: Named) =>
      `${path}: lies on another file system than its root, which this root does not enter (mounts: 'refuse')`,
    cause: 'Something is mounted within the root, such as /proc, another disk, or a subvolume.',
    next: "Let the host give what is mounted as a root of its own, or set `mounts: 'allow'`.",
  },
  FILES_EXISTS: {
    message: ({ path }: Named) => `${path}: exists already`,
    cause: "`write` with `ifExists: 'fail'`, or `mkdir` without `recursive`, met something of that name.",
    next: "Choose another name, write with `ifExists: 'replace'`, or make the directory with `recursive: true`.",
  },
  FILES_NOT_EMPTY: {
    message: ({ path }: Named) => `${path}: is a directory that is not empty; remove it with recursive: true`,
    cause: '`remove` without `recursive` was given a directory with something in it, or something was added meanwhile.',
    next: 'Remove what is in it first, or pass `recursive: true`.',
  },
  FILES_NOT_TEXT: {
    message: ({ path }: Named) => `${path}: what was read is not valid UTF-8; read it without an encoding, as bytes`,
    cause: "`read` with `encoding: 'utf8'` met bytes that are not UTF-8, or `offset` and `length` cut a character.",
    next: 'Read bytes, and decode them with a `TextDecoder` of the right encoding.',
  },
  FILES_TOO_LARGE: {
    message: ({ path, bytes, limitBytes, change }: Named & { bytes: number; limitBytes: number; change: string }) =>
      `${path}: ${bytes} bytes are over the limit of ${limitBytes}; ${change}`,
    cause: 'A file is larger than one call may bring, or more is written than one call may write.',
    next: 'Read with `offset` and `length` or with `readStream`, write less at once, or let the host raise the limit.',
  },
  FILES_TOO_MANY_ENTRIES: {
    message: ({ path, limit, change }: Named & { limit: number; change: string }) =>
      `${path}: has more than ${limit} entries; ${change}`,
    cause: 'A directory holds more than `list` looks through, or a tree more than one `remove` takes away.',
    next: 'Use smaller directories, remove in parts, or let the host raise the limit that the message names.',
  },
  FILES_QUOTA_EXCEEDED: {
    message: ({ path, what, used, limit, option }: Named & QuotaDetails) =>
      `${path}: ${what} would be ${used}, over the limit of ${limit} for this root (${option})`,
    cause:
      'Cells have written as many bytes to a root, or made as many entries in it, as the provider allows in its life.',
    next: 'Write less, or let the host raise the limit that the message names or make a new provider.',
  },
  FILES_ACCESS_DENIED: {
    message: ({ path, reason }: Named & { reason: string }) =>
      `${path}: the operating system denies the host access (${reason})`,
    cause: "The host's user may not do this here, or the file system is mounted read-only.",
    next: 'Let the host look at the owner and the permissions of the file and of its directories.',
  },
  FILES_NO_SPACE: {
    message: ({ path, reason }: Named & { reason: string }) => `${path}: no space is left (${reason})`,
    cause: 'The disk, its table of files, or the quota of the operating system is full.',
    next: 'Remove something, or let the host make room.',
  },
  FILES_CHANGED: {
    message: ({ path }: Named) => `${path}: was changed by someone else during the call; try again`,
    cause: 'A file or a directory was moved, replaced or removed while the call worked on it.',
    next: 'Try again; if it stays so, look for who else writes into this root.',
  },
  FILES_TOO_MANY_STREAMS: {
    message: ({ path, limit }: Named & { limit: number }) =>
      `${path}: ${limit} streams are open already (maxOpenStreams); read them to their end or leave them`,
    cause: 'Each `readStream` holds a file open until its body is read to the end, left, or its call is aborted.',
    next: 'Finish streams before opening more, or let the host raise `maxOpenStreams`.',
  },
  FILES_IO_FAILED: {
    message: ({ path, doing, reason }: Named & { doing: string; reason: string }) =>
      `${path}: ${doing} failed (${reason})`,
    cause: 'The operating system reported an error that has no code of its own here.',
    next: 'Look up the reason (an errno name); EMFILE means that the host has too many files open.',
  },
  FILES_CLOSED: {
    message: ({ path }: Named) => `${path}: the files provider was disposed`,
    cause: 'A call came, or a stream was read on, after the host had disposed the provider.',
    next: 'Nothing in the cell; in the host, dispose the provider after the sessions that use it.',
  },
  FILES_CONFINEMENT_UNAVAILABLE: {
    message: ({ reason }: { reason: string }) => `files(): ${reason}`,
    cause: 'Confinement by descriptors needs Linux with /proc mounted; on Linux nothing weaker is taken silently.',
    next: "Mount /proc, or choose the weaker `confinement: 'realpath'` and read in the README what it does not stop.",
  },
})

interface QuotaDetails {
  readonly what: string
  readonly used: number
  readonly limit: number
  readonly option: string
}

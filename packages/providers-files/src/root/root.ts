import type { Stats } from 'node:fs'

/** `descriptors`: no race escapes. `realpath`: whoever can swap directories for links in the right instant may. */
export type Confinement = 'descriptors' | 'realpath'

/**
 * One granted directory tree. Names are segments that `parseFilePath` let through. Nothing here follows a link, crosses
 * into another file system unless `mounts` allows it, or opens anything but directories and regular files.
 */
export interface Root {
  readonly name: string
  readonly confinement: Confinement
  readonly rules: RootRules
  /**
   * The directory that the segments lead to.
   * @throws FILES_NOT_FOUND, FILES_NOT_A_DIRECTORY, FILES_LINK_REFUSED, FILES_MOUNT_REFUSED, FILES_CHANGED, FILES_CLOSED
   */
  openDirectory(segments: readonly string[]): Directory
  close(): void
}

export interface RootRules {
  /** Files that have another name too, which may lie outside. */
  readonly hardLinks: 'refuse' | 'allow'
  readonly mounts: 'refuse' | 'allow'
}

/** Stays the same directory while it is open, whatever its path leads to meanwhile (`descriptors` only). */
export interface Directory {
  /** As the cell writes it. */
  readonly path: string
  /** For `opendir` and `open` of the directory itself. */
  readonly hostPath: string
  readonly device: number
  /** The path of an entry, for system calls that do not follow a link in its last name. */
  hostPathOf(name: string): string
  /** As the cell writes it, for errors. */
  pathOf(name: string): string
  openDirectory(name: string): Directory
  /** @throws FILES_NOT_A_FILE, FILES_LINK_REFUSED, ... */
  openFile(name: string, access: FileAccess): OpenedFile
  /** Where the system cannot keep a directory in hand: looks again where its path leads. @throws FILES_CHANGED */
  confirm(): void
  close(): void
}

export type FileAccess = 'read' | 'append'

export interface OpenedFile {
  readonly fd: number
  /** As it was when it was opened. */
  readonly stats: Stats
}

/** Files within named roots for Capsule sessions: on Linux no link, mount, device or race leads out of them. */
export { filesErrors } from './errors.ts'
export { files } from './files.ts'
export type { FilesOptions, FilesRootOptions } from './options.ts'

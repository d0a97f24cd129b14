/** Clock, random bytes, environment values and process facts for the cells of Capsule sessions. */
export { systemErrors } from './errors.ts'
export type { SystemOptions } from './options.ts'
export { system } from './system.ts'

/** Isolation levels for workers, the drivers that give them, and limits of memory and CPU. */
export { type BwrapDriverOptions, createBwrapDriver } from './bwrap-driver.ts'
export { customDriver, type CustomDriverOptions } from './custom-driver.ts'
export { type DriverRefusal, sandboxErrors } from './errors.ts'
export type {
  Availability,
  IsolationDriver,
  LaunchStdio,
  PreparedLaunch,
  StartGrant,
  WorkerLaunchRequest,
} from './isolation-driver.ts'
export {
  type AskedIsolation,
  defaultConfinedHeapMb,
  defaultConfinedRssMb,
  isConfined,
  type IsolationLevel,
  isolationLevels,
} from './isolation-level.ts'
export { createPermissionDriver } from './permission-driver.ts'
export { createPlainDriver } from './plain-driver.ts'
export { defaultDrivers } from './default-drivers.ts'
export { type ObtainedIsolation, resolveIsolation, type ResolveIsolationOptions } from './resolve-isolation.ts'
export { createWatchdog, probeWatchdog, type Watchdog, type WatchdogOptions } from './watchdog.ts'

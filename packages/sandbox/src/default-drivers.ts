import { createBwrapDriver } from './bwrap-driver.ts'
import type { IsolationDriver } from './isolation-driver.ts'
import { createPermissionDriver } from './permission-driver.ts'
import { createPlainDriver } from './plain-driver.ts'

let drivers: readonly IsolationDriver[] | undefined

/** A driver for each level; the same ones for all who ask, so that the machine is probed once for each process. */
export function defaultDrivers(): readonly IsolationDriver[] {
  drivers ??= [createPlainDriver('none'), createPlainDriver('process'), createPermissionDriver(), createBwrapDriver()]
  return drivers
}

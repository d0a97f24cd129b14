import { describeIsolationContract } from '@capsule/sandbox/testing'
import { availableDrivers } from './drivers.ts'

for (const [name, createDriver] of await availableDrivers()) describeIsolationContract(name, { createDriver })

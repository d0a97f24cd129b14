import { hostname, totalmem } from 'node:os'
import { type CellAttack, onlyHygiene, openEverywhere, quoted, stoppedFrom } from './attack.ts'
import { hostSecretName } from './lab.ts'

export const environmentAttacks: readonly CellAttack[] = [
  {
    id: 'environment/variables',
    title: 'reads the environment of the host, without modules',
    expected: stoppedFrom('process'),
    control: 'none',
    cell: ({ lab }) => `return process.env.${hostSecretName} === ${quoted(lab.stage.secret)}`,
  },
  {
    id: 'environment/own-file',
    title: 'reads its own environment from /proc',
    expected: stoppedFrom('permission', { 'os-alone': 'hygiene' }),
    control: 'process',
    cell: () => `return (await mod('fs')).readFileSync('/proc/self/environ') !== undefined`,
    note: 'It holds what the session was given, and `PWD`.',
  },
  {
    id: 'environment/neighbour',
    title: 'reads the environment of another process of its user',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: ({ lab }) =>
      `return (await mod('fs')).readFileSync('/proc/${lab.stage.neighbour.pid}/environ', 'utf8').includes(${quoted(lab.stage.secret)})`,
  },
  {
    id: 'environment/host',
    title: 'reads the environment of the host from /proc',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: () => `return (await mod('fs')).readFileSync('/proc/${process.pid}/environ').length > 0`,
  },
  {
    id: 'environment/host-arguments',
    title: 'reads the command line of the host',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: () => `return (await mod('fs')).readFileSync('/proc/${process.pid}/cmdline').length > 0`,
  },
  {
    id: 'environment/host-descriptors',
    title: 'lists the open files of the host',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: () => `return (await mod('fs')).readdirSync('/proc/${process.pid}/fd').length > 0`,
  },
  {
    id: 'environment/own-memory-map',
    title: 'reads where its own memory lies, from /proc',
    expected: stoppedFrom('permission', { 'os-alone': 'hygiene' }),
    control: 'process',
    cell: () => `return (await mod('fs')).readFileSync('/proc/self/maps', 'utf8').includes('[stack]')`,
  },
  {
    id: 'environment/report',
    title: 'learns the host name by process.report, without modules',
    expected: stoppedFrom('os', { permission: 'open' }),
    control: 'process',
    cell: () => `process.report.excludeNetwork = true
return process.report.getReport().header.host === ${quoted(hostname())}`,
  },
  {
    id: 'environment/host-name',
    title: 'learns the host name',
    expected: stoppedFrom('os', { permission: 'hygiene' }),
    control: 'process',
    cell: () => `return (await mod('os')).hostname() === ${quoted(hostname())}`,
  },
  {
    id: 'environment/user',
    title: 'learns the name of a user of the machine',
    expected: stoppedFrom('os', { permission: 'hygiene' }),
    control: 'process',
    cell: () => `return (await mod('os')).userInfo().username !== ''`,
  },
  {
    id: 'environment/paths',
    title: 'learns where the host keeps Node and Capsule, without modules',
    expected: stoppedFrom('os', { permission: 'open' }),
    control: 'process',
    cell: () => `return process.execPath !== '/node' && !process.argv[1].startsWith('/capsule/')`,
  },
  {
    id: 'environment/memory-size',
    title: 'learns how much memory the machine has',
    expected: onlyHygiene,
    control: 'process',
    cell: () => `return (await mod('os')).totalmem() === ${totalmem()}`,
  },
  {
    id: 'environment/processor',
    title: 'learns what processor and kernel the machine has, without modules',
    expected: openEverywhere,
    control: 'process',
    cell: () => `process.report.excludeNetwork = true
const { osRelease, cpus } = process.report.getReport().header
return osRelease.length > 0 && cpus.length > 0`,
  },
]

import { chmod, copyFile, link, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Neighbour, startNeighbour } from './neighbour.ts'
import { type LoopbackServers, startServers } from './servers.ts'

/** What attackers are after, all of it in one temporary directory and on loopback. */
export interface Stage extends AsyncDisposable {
  readonly directory: string
  /** In `secretFile`, in the database, in the environment of the neighbour, and told by the servers. */
  readonly secret: string
  /** Everybody may read it: only the isolation is in the way. */
  readonly secretFile: string
  /** Everybody may write there. */
  readonly openDirectory: string
  readonly linkToSecret: string
  readonly envFile: string
  readonly jsonFile: string
  readonly moduleFile: string
  readonly databaseFile: string
  /** Everybody may write it. */
  readonly writableFile: string
  /** Another Node program of the user that workers run as, without a guard against SIGUSR1. */
  readonly neighbour: Neighbour
  readonly servers: LoopbackServers
  /** Of a thing that is not there yet, where everybody may write. */
  newPath(): string
}

const secret = 'escape-secret-7c1d'

/** Where the host is root, confined workers run as nobody. */
export const workerUser = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

export async function createStage(): Promise<Stage> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'capsule-escape-')))
  await chmod(directory, 0o755)
  const at = (name: string): string => join(directory, name)
  const paths = {
    secretFile: at('secret.txt'),
    linkToSecret: at('link'),
    envFile: at('secret.env'),
    jsonFile: at('secret.json'),
    moduleFile: at('secret.cjs'),
    databaseFile: at('secret.db'),
    writableFile: at('writable'),
  }
  await writeFile(paths.secretFile, secret)
  await symlink(paths.secretFile, paths.linkToSecret)
  await writeFile(paths.envFile, `ESCAPED=${secret}\n`)
  await writeFile(paths.jsonFile, JSON.stringify({ secret }))
  await writeFile(paths.moduleFile, `module.exports = ${JSON.stringify(secret)}; process.send?.(1)`)
  await writeFile(paths.writableFile, '')
  const database = new DatabaseSync(paths.databaseFile)
  database.exec(`create table secrets (value); insert into secrets values ('${secret}')`)
  database.close()
  // not bound to umask
  for (const file of Object.values(paths)) await chmod(file, 0o644)
  await chmod(paths.writableFile, 0o666)
  await mkdir(at('open'))
  await chmod(at('open'), 0o777)
  const servers = await startServers({ directory: at('open'), token: secret })
  const neighbour = await startNeighbour({ nodePath: await readableNode(directory), secret, user: workerUser })
  let given = 0
  return {
    directory,
    secret,
    openDirectory: at('open'),
    ...paths,
    neighbour,
    servers,
    newPath: () => join(directory, 'open', `new-${given++}`),
    async [Symbol.asyncDispose]() {
      await neighbour[Symbol.asyncDispose]()
      await servers[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

/** Node may be where only root can read it. */
async function readableNode(directory: string): Promise<string> {
  if (process.getuid?.() !== 0) return process.execPath
  const copy = join(directory, 'node')
  await link(process.execPath, copy).catch(() => copyFile(process.execPath, copy))
  return copy
}

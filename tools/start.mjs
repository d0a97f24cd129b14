// `npm start`: brings what is missing (dependencies, the worker's bundle), then runs the app on the workspace's own Node.
// Plain JavaScript for Node 20, because it runs before anything is installed. It writes to stderr only.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const modifiedMs = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0)

function prepare(command, args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  console.error(`capsule: \`${command} ${args.join(' ')}\` failed (${error?.message ?? signal ?? status})`)
  process.exit(1)
}

function install() {
  const installed = modifiedMs(join(root, 'node_modules/.pnpm-workspace-state-v1.json'))
  if (installed >= modifiedMs(join(root, 'pnpm-lock.yaml'))) return
  console.error('capsule: installing dependencies (once)')
  prepare('npx', ['--yes', 'pnpm@12.21.0', 'install', '--frozen-lockfile', '--silent'])
}

/** The workspace's Node where it has one for this machine, else the one running, if it is new enough. */
function findNode() {
  const own = join(root, 'node_modules/.bin/node')
  if (existsSync(own)) return own
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  console.error(`capsule: needs Node 24 or newer, this is ${process.version}`)
  process.exit(1)
}

function sourcesModifiedMs() {
  const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name, 'src'))
  const files = folders
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, file)))
  return Math.max(...[join(root, 'tools/worker-bundle.ts'), join(root, 'pnpm-lock.yaml'), ...files].map(modifiedMs))
}

function bundleWorker(node) {
  if (modifiedMs(join(root, 'packages/worker/.bundle/main.cjs')) > sourcesModifiedMs()) return
  prepare(node, [join(root, 'tools/build-worker.ts')])
}

/** Runs the app with this terminal and ends as it ends. */
function run(node) {
  const app = spawn(
    node,
    ['--conditions=@capsule/source', join(root, 'apps/capsule/src/main.ts'), ...process.argv.slice(2)],
    {
      stdio: 'inherit',
    },
  )
  // A terminal sends Ctrl-C to the app by itself, and npm sends it here once more: only without a terminal is it passed on.
  const hasTerminal = [0, 1, 2].some((fd) => isatty(fd))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !hasTerminal) app.kill(signal)
    })
  }
  app.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

install()
const node = findNode()
bundleWorker(node)
run(node)

// Many durable executions whose cells are not run: what the bridge and its store alone take. Prints one line of JSON.
import { createBridge, createEmbeddedStore, createMemoryStore } from '@capsule/bridge'

const [storeName, countText] = process.argv.slice(2)
const count = Number(countText)
const store = storeName === 'memory' ? createMemoryStore() : await createEmbeddedStore()
const bridge = createBridge({ store })
const answer = {
  outcome: {
    executionId: 'e',
    status: 'ok',
    state: 'kept',
    durationMs: 1,
    value: 42,
    output: { bytes: 0, droppedBytes: 0, droppedChunks: 0 },
  },
  attempt: 1,
}
const rssMb = () => process.memoryUsage().rss / 2 ** 20

const toldMs = []
async function execute(n) {
  let sentMs = 0
  const send = async () => {
    sentMs = performance.now()
    return answer
  }
  await bridge.execute({ key: `k${n}`, fingerprint: 'f', send })
  if (n % 10 === 0) toldMs.push(performance.now() - sentMs)
}

// what a fifth of them leaves is the young heap of a process that is at work; growth is what comes after
const warm = count / 5
for (let n = 0; n < warm; n++) await execute(n)
const before = rssMb()
for (let n = warm; n < count + warm; n++) {
  await execute(n)
  // as executions do, which wait for a worker
  if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
}
const growthMb = rssMb() - before
toldMs.sort((a, b) => a - b)
const { pending } = bridge.info()
await bridge.close()
await store.close()
console.log(JSON.stringify({ growthMb, toldMs: toldMs[toldMs.length >> 1], pending }))

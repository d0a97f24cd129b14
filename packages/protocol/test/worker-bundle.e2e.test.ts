import { execFileSync } from 'node:child_process'
import { build } from 'esbuild'
import { expect, it } from 'vitest'

const entry = `
import { createCodec, defaultLimits, defaultWorkerSettings, encodeValue, negotiate, protocolVersion, readHostMessage, workerFeatures } from '@capsule/protocol'
const codec = createCodec('msgpack')
const hello = { type: 'hello', protocol: protocolVersion, codecs: ['msgpack'], features: [], limits: defaultLimits, settings: defaultWorkerSettings, outputWindowBytes: 1 }
const read = readHostMessage(codec.decode(codec.encode(hello), defaultLimits))
console.log(negotiate(read).codec, encodeValue(new Map([[1, [2n]]]), { bytes: 100, depth: 5 }).bytes.length > 0, workerFeatures.length > 0)
`

async function bundle(contents: string): Promise<{ text: string; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'js' },
    bundle: true,
    write: false,
    metafile: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    conditions: ['@capsule/source'],
  })
  return {
    text: outputFiles[0]?.text ?? '',
    inputs: Object.keys(
      metafile.outputs['stdin.js']?.inputs ??
        metafile.outputs[Object.keys(metafile.outputs)[0] as string]?.inputs ??
        {},
    ),
  }
}

it('bundles for the worker without zod or any other dependency', async () => {
  const { text, inputs } = await bundle(entry)
  expect(inputs.filter((path) => path.includes('zod'))).toEqual([])
  expect(inputs.filter((path) => path.includes('node_modules'))).toEqual([])
  expect(text.length).toBeLessThan(100_000)
})

it('sees zod when it is there', async () => {
  const { inputs } = await bundle(`import { parseHostMessage } from '@capsule/protocol'; parseHostMessage({})`)
  expect(inputs.some((path) => path.includes('zod'))).toBe(true)
})

it('runs where code generation from strings is forbidden', async () => {
  const { text } = await bundle(entry)
  const output = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', '-'], {
    input: text,
    env: {},
    encoding: 'utf8',
    timeout: 10_000,
  })
  expect(output).toBe('msgpack true true\n')
})

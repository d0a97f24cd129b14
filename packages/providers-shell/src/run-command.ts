import type { CapabilityContext } from '@capsule/provider-sdk'
import type * as z from 'zod'
import { startCommand } from './running-command.ts'
import type { ShellHost } from './shell-host.ts'
import type { runOutputSchema, ShellInput } from './shell-input.ts'
import { StringDecoder } from 'node:string_decoder'

/** Runs a command to its end and collects what it writes, within its limits. */
export async function runCommand(
  host: ShellHost,
  input: ShellInput,
  context: CapabilityContext,
): Promise<z.input<typeof runOutputSchema>> {
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  const running = await startCommand(host, input, context, (stream, chunk) => chunks[stream].push(chunk))
  const { exitCode, signal, durationMs, truncated } = await running.ended
  const collect = (parts: readonly Buffer[]): string | Uint8Array => {
    const all = Buffer.concat(parts)
    // a plain Uint8Array over its own memory, which is what a cell gets in any case
    return input.encoding === 'bytes' ? new Uint8Array(all) : textOf(all, truncated ?? false)
  }
  const [stdout, stderr] = [collect(chunks.stdout), collect(chunks.stderr)]
  return { exitCode, signal, stdout, stderr, durationMs, ...(truncated ? { truncated } : {}) }
}

/** A character that the limit has cut is left out; one that the command has cut shows as U+FFFD. */
function textOf(bytes: Buffer, isTruncated: boolean): string {
  const decoder = new StringDecoder('utf8')
  return decoder.write(bytes) + (isTruncated ? '' : decoder.end())
}

/** The paths that `ldd` prints: `libm.so.6 => /lib/libm.so.6 (0x...)` and `/lib64/ld-linux-x86-64.so.2 (0x...)`; not the vdso, which is no file. */
export function parseLdd(text: string): string[] {
  return text.split('\n').flatMap((line) => /(?:^|=>)\s*(\/.*?) \(0x[0-9a-f]+\)\s*$/.exec(line)?.[1] ?? [])
}

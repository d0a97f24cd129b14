/** Unit: characters. A shorter secret is not looked for. */
export const shortestSecret = 4

/**
 * The ways in which a secret usually shows: as it is, in JSON, in URLs and forms, in hex, and in base64, also within a
 * longer text that was encoded whole (`Basic base64(user:secret)`), for which it stands in three ways.
 */
export function secretForms(secret: string): string[] {
  if (secret.length < shortestSecret) return []
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  const urls = [() => encodeURIComponent(secret), () => encodeURI(secret), () => formEncoded(secret)].flatMap(attempt)
  const lowerUrls = urls.map((url) => url.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()))
  const base64 = [0, 1, 2].flatMap((offset) => base64Within(bytes, offset))
  const whole = [bytes.toString('base64'), bytes.toString('base64url')]
  const forms = [secret, JSON.stringify(secret).slice(1, -1), hex, hex.toUpperCase(), ...urls, ...lowerUrls, ...whole]
  return [...new Set([...forms, ...base64])].filter((form) => form.length >= shortestSecret)
}

/** The characters that do not depend on what stands before and behind, `offset` bytes into a group of three. */
function base64Within(bytes: Buffer, offset: number): string[] {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
  const from = Math.ceil((offset * 8) / 6)
  const to = Math.floor((encoded.length * 8) / 6)
  return [encoded.toString('base64').slice(from, to), encoded.toString('base64url').slice(from, to)]
}

function formEncoded(secret: string): string {
  return new URLSearchParams({ s: secret }).toString().slice(2)
}

function attempt(encode: () => string): string[] {
  try {
    return [encode()]
  } catch {
    // a lone surrogate has no URL form
    return []
  }
}

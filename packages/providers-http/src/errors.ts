import { defineErrors } from '@capsule/core'

// No message holds a header's value, a query, or an address that a name resolved to: they reach the cell.
export const httpErrors = defineErrors({
  HTTP_URL_INVALID: {
    message: ({ problem }: { problem: string }) => `the URL ${problem}`,
    cause: 'The text is no absolute http or https URL, or has a part that is refused: credentials, an odd host name.',
    next: 'Correct what the message names. Credentials belong into a header, best into `secretHeaders` of the host program.',
  },
  HTTP_SCHEME_NOT_ALLOWED: {
    message: ({ scheme, allowed }: { scheme: string; allowed: readonly string[] }) =>
      `the scheme '${scheme}' may not be used, only ${allowed.join(', ')} (\`schemes\`)`,
    cause: 'The scheme is neither http nor https, or not one of the option `schemes`.',
    next: 'Use a scheme that the message names, or let the host program extend `schemes`.',
  },
  HTTP_HOST_NOT_ALLOWED: {
    message: ({ host }: { host: string }) =>
      `the host '${host}' may not be reached: \`allow\` does not cover it, or \`deny\` does`,
    cause: 'The host of the URL, or of a redirect, is not one that the host program granted.',
    next: 'Let the host program add the host to `allow`; `*.example.com` covers all names below example.com, but not itself.',
  },
  HTTP_PORT_NOT_ALLOWED: {
    message: ({ host, port }: { host: string; port: number }) =>
      `the port ${port} of '${host}' may not be reached: neither \`${host}:${port}\` in \`allow\` or \`allowPrivate\` nor \`ports\` opens it`,
    cause: 'Only the default port of the scheme is open, besides what `ports` or `host:port` in `allow` open.',
    next: "Let the host program add `'host:port'` to `allow`, or the port to `ports`.",
  },
  HTTP_ADDRESS_NOT_ALLOWED: {
    message: ({ host }: { host: string }) =>
      `'${host}' is or leads to no public address: private, loopback, link-local and translated ones are refused, but for host:port in \`allowPrivate\``,
    cause:
      'The host is such an address or every address it resolves to is one. The address that is checked is the one dialled.',
    next: 'For a local service, let the host program name its exact `host:port` in `allowPrivate`.',
  },
  HTTP_METHOD_NOT_ALLOWED: {
    message: ({ method, allowed }: { method: string; allowed: readonly string[] }) =>
      `the method ${method} may not be used, only ${allowed.join(', ')} (\`methods\`)`,
    cause: 'The method of the call, or the one that a redirect makes of it (303 makes GET), is not granted.',
    next: 'Use a method that the message names, or let the host program extend `methods`.',
  },
  HTTP_HEADER_NOT_ALLOWED: {
    message: ({ header, problem }: { header: string; problem: string }) => `the request header ${header} ${problem}`,
    cause: 'A header is not granted, is one that only the provider sets, or has characters that no header may have.',
    next: 'Leave the header out, or let the host program add it to `requestHeaders` (connection and proxy headers never).',
  },
  HTTP_REDIRECT_REFUSED: {
    message: ({ host, problem }: { host: string; problem: string }) =>
      `the redirect by '${host}' is not followed: ${problem}`,
    cause:
      'The server answered with a redirect that must not be followed, or the call asked for none (`redirect: "error"`).',
    next: 'Call the final URL itself, or use `redirect: "manual"` and look at the `location` header.',
  },
  HTTP_TOO_MANY_REDIRECTS: {
    message: ({ maxRedirects }: { maxRedirects: number }) =>
      `the call was redirected more than ${maxRedirects} times (\`maxRedirects\`)`,
    cause: 'The redirects go in a circle, or are more than `maxRedirects`.',
    next: 'Call the final URL itself, or let the host program raise `maxRedirects` (at most 20).',
  },
  HTTP_RESPONSE_TOO_LARGE: {
    message: ({ host, limitBytes }: { host: string; limitBytes: number }) =>
      `the response of '${host}' is larger than ${limitBytes} bytes, counted decoded (\`maxResponseBytes\`, or the \`outputBytes\` of the grant)`,
    cause: 'The body, once decompressed, is over `maxResponseBytes` or what the grant allows. Reading stopped there.',
    next: 'Ask for less (a range, a page), or let the host program raise `maxResponseBytes`.',
  },
  HTTP_REQUEST_TOO_LARGE: {
    message: ({ limitBytes }: { limitBytes: number }) =>
      `the request body is larger than ${limitBytes} bytes (\`maxRequestBytes\`)`,
    cause: 'The body given or streamed is over `maxRequestBytes`.',
    next: 'Send less, or let the host program raise `maxRequestBytes`.',
  },
  HTTP_HEADERS_TOO_LARGE: {
    message: ({ side, limitBytes }: { side: 'request' | 'response'; limitBytes: number }) =>
      `the ${side} headers are larger than ${limitBytes} bytes (\`maxHeaderBytes\`)`,
    cause: 'All names and values together are over `maxHeaderBytes`.',
    next: 'Send fewer headers, or let the host program raise `maxHeaderBytes`.',
  },
  HTTP_TIMED_OUT: {
    message: ({ host, timeoutMs }: { host: string; timeoutMs: number }) =>
      `the call to '${host}' took longer than ${timeoutMs} ms, redirects, retries and the body included (\`timeoutMs\`)`,
    cause: 'The server is slow, or the body was read slowly: the deadline is for the whole call.',
    next: 'Read the body at once, or let the host program raise `timeoutMs`.',
  },
  HTTP_RESOLVE_FAILED: {
    message: ({ host, reason }: { host: string; reason: string }) =>
      `the name '${host}' could not be resolved (${reason})`,
    cause: 'The name does not exist (ENOTFOUND), or the resolver of the host did not answer (EAI_AGAIN).',
    next: 'Check the spelling of the host; with EAI_AGAIN try again later.',
  },
  HTTP_CONNECT_FAILED: {
    message: ({ host, reason }: { host: string; reason: string }) => `no connection to '${host}' (${reason})`,
    cause:
      'Nothing listens there (ECONNREFUSED), it did not answer within `connectTimeoutMs`, or its certificate was refused.',
    next: 'Check host, port and scheme; the reason in the message is of Node or OpenSSL.',
  },
  HTTP_CONNECTION_LOST: {
    message: ({ host, reason }: { host: string; reason: string }) =>
      `'${host}' ended the connection before the response was complete (${reason})`,
    cause:
      'The server or something between closed the connection; a kept connection may close just as it is used again.',
    next: 'Try again if the request may be sent twice; `retry` does so for idempotent methods.',
  },
  HTTP_PROTOCOL_ERROR: {
    message: ({ host, problem }: { host: string; problem: string }) =>
      `'${host}' does not speak HTTP/1.1 well: ${problem}`,
    cause: 'The response is malformed or ambiguous (two lengths, a length and chunks, bytes beyond the end).',
    next: 'The server needs a correction; the connection was closed.',
  },
  HTTP_DECODE_FAILED: {
    message: ({ host, problem }: { host: string; problem: string }) =>
      `the body of '${host}' cannot be decompressed: ${problem}`,
    cause:
      'The body is not what `content-encoding` says, is cut off, or has a coding other than gzip, deflate, br and zstd.',
    next: 'The server needs a correction.',
  },
  HTTP_CLOSED: {
    message: ({ host }: { host: string }) => `the HTTP provider is disposed: no call to '${host}' any more`,
    cause: 'A call was made, or still ran, when the host disposed the provider.',
    next: 'Make no calls after the session or the host program has ended.',
  },
})

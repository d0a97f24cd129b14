import { expect, it } from 'vitest'
import { createResonateDistributor } from './distribution/resonate/resonate-distributor.ts'
import { createRestateDistributor } from './distribution/restate/restate-distributor.ts'

const distributors = [
  { name: 'restate', create: (url: string, token: string) => createRestateDistributor({ ingressUrl: url, token }) },
  { name: 'resonate', create: (url: string, token: string) => createResonateDistributor({ url, token }) },
]

it.each(distributors)('refuses what HTTP cannot carry, and shows no secret: $name', ({ create }) => {
  const wrong = [
    ['http://me:secret@127.0.0.1', 'token'],
    ['http://127.0.0.1?key=secret', 'token'],
    ['http://127.0.0.1', 'secret\n'],
  ] as const
  for (const [url, token] of wrong) {
    let error: Error | undefined
    try {
      create(url, token)
    } catch (thrown) {
      error = thrown as Error
    }
    expect(error).toMatchObject({ code: 'INVALID_OPTIONS' })
    expect(JSON.stringify([error?.message, error])).not.toContain('secret')
  }
})

import { expect, it } from 'vitest'

it.each([
  ['restate', ['createRestateDistributor'], () => import('../restate.ts')],
  ['resonate', ['createResonateDistributor'], () => import('../resonate.ts')],
])('./%s exports exactly its public names', async (_, names, load) => {
  expect(Object.keys(await load()).sort()).toEqual(names)
})

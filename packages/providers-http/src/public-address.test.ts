import { expect, it } from 'vitest'
import { isPrivateAddress, isPublicAddress } from './public-address.ts'

it.each([
  '1.1.1.1',
  '8.8.8.8',
  '93.184.216.34',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.0.1',
  '2606:4700::1111',
  '2a00:1450:4001::1',
])('%s is public', (address) => expect(isPublicAddress(address)).toBe(true))

it.each([
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1'],
  ...['192.0.0.1', '192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.51.100.1', '203.0.113.1'],
  ...['224.0.0.1', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', '::127.0.0.1', '::8.8.8.8', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:0:8.8.8.8'],
  ...['64:ff9b::8.8.8.8', '64:ff9b:1::8.8.8.8', '2002:7f00:1::', '2002:808:808::', '2001:0:1::1', '2001:db8::1'],
  ...['fe80::1', 'fe80::1%eth0', '2606:4700::1%eth0', 'fec0::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '100::1'],
  ...['3fff::1', '5f00::1', '4000::1', '1::1', '2001:10::1', '2001:20::1'],
  ...['', 'localhost', '0x7f.1', '2130706433', '127.1', '1.1.1.1 ', '[::1]'],
])('%j is not public', (address) => expect(isPublicAddress(address)).toBe(false))

it('calls private what is of this machine or its network, and never metadata services of link-local addresses', () => {
  const addresses = ['127.0.0.1', '10.0.0.1', '172.16.0.1', '192.168.0.1', '100.64.0.1', '::1', 'fd00::1']
  expect(addresses.filter((address) => !isPrivateAddress(address))).toEqual([])
  const others = [
    '169.254.169.254',
    'fe80::1',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    '8.8.8.8',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    'x',
  ]
  expect(others.filter(isPrivateAddress)).toEqual([])
})

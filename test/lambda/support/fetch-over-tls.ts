// A program of its own, since Node reads what it trusts from the environment when it starts: fetches the JWKS at an URL
// from the port of 127.0.0.1 that stands in for the internet, and prints what came of it.
import { connect } from 'node:net'
import { fetchJwks } from '../../../lambda/adapters/fetch-jwks.ts'

const [uri = '', port] = process.argv.slice(2)
const publicAddress = '93.184.216.34'

const result = await fetchJwks(uri, {
  allowOrigin: undefined,
  lookup: async () => [{ address: publicAddress, family: 4 }],
  connect: () => {
    const socket = connect({ host: '127.0.0.1', port: Number(port) })
    return Object.defineProperty(socket, 'remoteAddress', { value: publicAddress })
  },
})
console.log(JSON.stringify(result))

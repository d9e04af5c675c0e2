// Runs one bundled function in a process of its own, as Lambda does, and leaves its standard output alone: it goes
// wherever the parent has put it. Plain JavaScript, so that Node starts it as it is.
import { pathToFileURL } from 'node:url'

const send = process.send.bind(process)
const { handler } = await import(pathToFileURL(process.argv[2]).href)
process.on('message', async event => {
  try {
    send({ result: JSON.stringify(await handler(event, { awsRequestId: 'invocation-1' })) })
  } catch (error) {
    send({ failure: `${error.name}: ${error.message}` })
  }
})
send({})

import { App } from 'aws-cdk-lib'
import { CountersignStack } from '../lib/countersign-stack.ts'

const app = new App()

// `-c examples=false` comes as a text, the same setting in cdk.json as a boolean.
const examples = String(app.node.tryGetContext('examples') ?? true) !== 'false'

new CountersignStack(app, 'Countersign', { examples })

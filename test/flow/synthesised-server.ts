import type { AuthorizationServerProps } from '../../lib/authorization-server-props.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { newApp } from '../lib/synthesis.ts'

/** The app with settings of the server other than the defaults, synthesised; gives the folder of its cloud assembly. */
export function synthesisedServer(authorizationServer: AuthorizationServerProps): string {
  const app = newApp()
  new CountersignStack(app, 'Countersign', { authorizationServer })
  return app.synth().directory
}

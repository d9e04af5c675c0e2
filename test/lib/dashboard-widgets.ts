import type { Synthesis } from './synthesis.ts'

export interface Widget {
  readonly type: string
  readonly properties: { readonly title?: string; readonly markdown?: string; readonly metrics?: unknown[][] }
}

/** The widgets of a dashboard in the order in which it shows them. References are their logical ids. */
export function widgetsOf(synthesis: Synthesis, path: string): Widget[] {
  const { DashboardBody } = synthesis.at(path).Properties as {
    DashboardBody: { 'Fn::Join': [string, (string | { Ref?: string })[]] }
  }
  const body = DashboardBody['Fn::Join'][1]
    .map(part => (typeof part === 'string' ? part : (part.Ref ?? '?')))
    .join('')
  return JSON.parse(body).widgets
}

export const titleOf = ({ properties }: Widget) => properties.title ?? properties.markdown

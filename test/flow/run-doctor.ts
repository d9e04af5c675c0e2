import { countersign, type Run } from './run-countersign.ts'

export interface Finding {
  check: string
  outcome: string
  found: string
  remedy?: string
}

export interface Report extends Run {
  findings: Finding[]
  outcomes: Record<string, string>
}

/** What happens to the answers on their way: undefined = nothing. */
export type Fault = (
  request: Request,
  answer: Response,
) => Response | undefined | Promise<Response | undefined>

/** A doctor whose network changes answers, as a proxy in front of the server would. */
export async function runDoctor(
  env: Record<string, string>,
  {
    args = [],
    fault = () => undefined,
    interrupt,
  }: { args?: readonly string[]; fault?: Fault; interrupt?: AbortSignal },
): Promise<Report> {
  const run = await countersign(['doctor', '--json', ...args], {
    env,
    ...(interrupt && { interrupt }),
    fetch: async (input, init) => {
      const request = new Request(input instanceof URL ? input.href : input, init)
      const { headers, method, url } = request
      const body = method === 'POST' ? await request.clone().text() : null
      const answer = await fetch(url, { method, headers, body, redirect: 'manual' })
      return (await fault(request, answer)) ?? answer
    },
  })
  const findings = (JSON.parse(run.out) as { checks: Finding[] }).checks
  return { ...run, findings, outcomes: Object.fromEntries(findings.map(each => [each.check, each.outcome])) }
}

export function finding({ findings }: Report, check: string): Finding | undefined {
  return findings.find(each => each.check === check)
}

/** The same answer with other headers, and another body where one is given. */
export function withHeaders(
  answer: Response,
  change: (headers: Headers) => void,
  body: string | ReadableStream | null = answer.body,
) {
  const headers = new Headers(answer.headers)
  // The body that is read here is not compressed any more, and may be another one.
  for (const name of ['content-encoding', 'content-length']) headers.delete(name)
  change(headers)
  return new Response(body, { status: answer.status, headers })
}

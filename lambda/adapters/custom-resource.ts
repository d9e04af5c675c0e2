import type { CloudFormationCustomResourceEvent } from 'aws-lambda'

/**
 * Tells CloudFormation how a custom resource's request ended; without this it waits for an hour.
 *
 * @param data what the template can ask of the resource: CloudFormation keeps and shows it, so nothing secret
 */
export async function answerCloudFormation(
  event: CloudFormationCustomResourceEvent,
  physicalResourceId: string,
  failure?: string,
  data?: Readonly<Record<string, string>>,
): Promise<void> {
  const body = JSON.stringify({
    Status: failure === undefined ? 'SUCCESS' : 'FAILED',
    ...(failure === undefined ? {} : { Reason: failure }),
    PhysicalResourceId: physicalResourceId,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    Data: data,
  })
  const signal = AbortSignal.timeout(10_000)
  // The URL is signed for a request without a content type.
  const response = await fetch(event.ResponseURL, {
    method: 'PUT',
    body,
    headers: { 'content-type': '' },
    signal,
  })
  if (!response.ok) throw new Error(`CloudFormation did not take the answer: ${response.status}`)
}

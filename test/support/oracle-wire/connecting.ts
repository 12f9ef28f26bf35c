/** What a listener answers to CONNECT: nothing, a cut, REFUSE, REDIRECT or ACCEPT. */
import { OraError } from './backend.js';
import type { FaultGate } from './fault-gate.js';
import type { Link } from './link.js';
import type { SessionContext } from './session-context.js';

const NO_SUCH_SERVICE = 12514;
const NO_SUCH_SID = 12505;
const NO_HANDLER = 12516;

export interface ConnectData {
  readonly data: string;
  readonly service: string;
}

export async function answerConnect(
  context: SessionContext,
  link: Link,
  gate: FaultGate,
  { data, service }: ConnectData,
): Promise<void> {
  const { faults, profile } = context;
  if (faults.isBlackHole) return;
  try {
    await gate.meet('connect', data);
  } catch (error) {
    if (error instanceof OraError) link.refuse(error.code);
    else link.cut();
    return;
  }
  const elsewhere = faults.takeRedirect();
  if (elsewhere !== null) return link.redirect(elsewhere);
  const refusal = faults.refusal ?? refusalOf(context, data, service);
  if (refusal === null) link.accept(profile);
  else link.refuse(refusal);
}

function refusalOf(context: SessionContext, data: string, service: string): number | null {
  const { services } = context;
  const isServed = services === null || services.some((name) => name.toUpperCase() === service.toUpperCase());
  if (!isServed) return /\(\s*SID\s*=/i.test(data) ? NO_SUCH_SID : NO_SUCH_SERVICE;
  return context.isFull() ? NO_HANDLER : null;
}

/**
 * What an error is called on spans and in metrics: the same on both. Never a message: drivers quote values in theirs.
 */
import type { Attributes } from '@opentelemetry/api';
import type { FluxorError } from '../../index.js';
import { isFluxorError } from '../../index.js';
import { DB_RESPONSE_STATUS_CODE, ERROR_TYPE } from './semconv.js';
import type { Target } from './target.js';

/** Said by the runtime, whatever the database had to say. */
const OWN_TYPES: Readonly<Partial<Record<FluxorError['code'], string>>> = Object.freeze({
  CIRCUIT_OPEN: 'fluxor.circuit_open',
  RATE_LIMIT: 'fluxor.rate_limited',
  POOL_EXHAUSTED: 'fluxor.pool_exhausted',
  RUNTIME_CLOSED: 'fluxor.pool_closed',
});

const TIMEOUT_TYPES: Readonly<Record<string, string>> = Object.freeze({
  acquire: 'fluxor.acquire_timeout',
  connect: 'fluxor.connect_timeout',
  validate: 'fluxor.validation_timeout',
  statement: 'fluxor.query_timeout',
  transaction: 'fluxor.transaction_timeout',
  commit: 'fluxor.commit_timeout',
});

/** A name in somebody's program; anything else might say a value. */
const PLAIN = /^[A-Za-z_$][\w$.-]{0,79}$/;

export interface ErrorFacts {
  readonly attributes: Attributes;
  /** For the span's status: class and code. */
  readonly description: string;
}

export function errorFacts(error: unknown, { dialect }: Pick<Target, 'dialect'>): ErrorFacts {
  if (!isFluxorError(error)) {
    const name = error instanceof Error && PLAIN.test(error.name) ? error.name : '_OTHER';
    return { attributes: { [ERROR_TYPE]: name }, description: name };
  }
  const description = `${error.name} ${error.code}`;
  const own = ownTypeOf(error);
  if (own !== undefined) return { attributes: { [ERROR_TYPE]: own }, description };
  const status = statusCodeOf(error, dialect);
  if (status === undefined) return { attributes: { [ERROR_TYPE]: `fluxor.${error.code.toLowerCase()}` }, description };
  return { attributes: { [ERROR_TYPE]: status, [DB_RESPONSE_STATUS_CODE]: status }, description };
}

function ownTypeOf({ code, reason }: FluxorError): string | undefined {
  if (code === 'TIMEOUT') return TIMEOUT_TYPES[reason ?? ''] ?? 'fluxor.timeout';
  // An administrator's cancel is the database's answer.
  if (code === 'CANCELLED') return reason === 'administrator' ? undefined : 'fluxor.cancelled';
  return OWN_TYPES[code];
}

/** What the database answered: its SQLSTATE, its number, its ORA-. Node's words for a broken socket are none of these. */
function statusCodeOf({ sqlState, vendorCode }: FluxorError, dialect: Target['dialect']): string | undefined {
  if (dialect === 'postgres') return sqlState !== undefined && /^[0-9A-Z]{5}$/.test(sqlState) ? sqlState : undefined;
  const vendor = vendorCode === undefined ? '' : String(vendorCode);
  if (dialect === 'oracle' && /^\d+$/.test(vendor)) return `ORA-${vendor.padStart(5, '0')}`;
  return /^(?:\d{1,5}|(?:ORA|DPI|NJS|DPY)-\d{3,5})$/.test(vendor) ? vendor : undefined;
}

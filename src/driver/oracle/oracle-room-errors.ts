/** Errors that this room makes where the library says nothing, or too late; and the server's number of others. */
import { QueryError } from '../../errors/query-error.js';
import { serverErrorOf } from './oracle-server-error.js';

export type RoomErrorCode = 'NJS-500' | 'NJS-509' | 'NJS-513' | 'ORA-01086';

export function roomError(code: RoomErrorCode, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

/** 1013 for ORA-01013; `undefined` where the server did not say it. */
export function oraNumberOf(error: unknown): number | undefined {
  return serverErrorOf(error)?.number;
}

/** Of a value, before anything is sent. `message` says what kind of value it is, never the value. */
export function cannotSend(message: string): QueryError {
  return new QueryError('data', message, { outcome: 'not-sent', breaker: 'ignore' });
}

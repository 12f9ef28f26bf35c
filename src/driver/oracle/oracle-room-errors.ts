/** Errors that this room makes where the library says nothing, under the library's own codes; and the server's number of others. */
import { serverErrorOf } from './oracle-server-error.js';

export type RoomErrorCode = 'NJS-018' | 'NJS-500' | 'NJS-509' | 'NJS-513' | 'ORA-01086';

export function roomError(code: RoomErrorCode, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

/** 1013 for ORA-01013; `undefined` where the server did not say it. */
export function oraNumberOf(error: unknown): number | undefined {
  return serverErrorOf(error)?.number;
}

/**
 * What an error means, in the end: the driver's verdict, and the user's word on it where there is one. Asked by
 * connection.ts and connection-factory.ts in place of the driver, so that no error escapes the hook.
 */
import type { Driver, FailureSituation } from '../driver/driver.js';
import type { ErrorOverrideHook, OverrideRefusal } from '../errors/error-override.js';
import { overrideError } from '../errors/error-override.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';

/** The error of the house for a native one. */
export type Classify = (error: unknown, situation: FailureSituation) => FluxorError;

/**
 * Without a hook it is the driver's own function. The hook is asked about what came from the database, the network or the
 * client library; errors of the house (a value that cannot be bound) pass.
 */
export function classifierOf(
  driver: Pick<Driver, 'classify'>,
  hook: ErrorOverrideHook | undefined,
  tell: (refusal: OverrideRefusal) => void,
): Classify {
  if (hook === undefined) return (error, situation) => driver.classify(error, situation);
  return (native, situation) => {
    const error = driver.classify(native, situation);
    if (!isFluxorError(native)) overrideError(error, situation.isSafeToRepeat, hook, tell);
    return error;
  };
}

/**
 * Credentials that change while the process runs: asks the user's provider, keeps the answer until shortly before it
 * expires, and gives a refused login one second chance with fresh ones. Drivers whose option is a provider connect
 * through `CredentialsCache.use`; it knows nothing of any database.
 *
 * Invariants:
 * - connects at the same moment share one question, and nobody waits for the answer longer than his own signal allows;
 * - a refusal is followed by at most one more login, and only with credentials that differ: logging in again with what
 *   was refused locks accounts;
 * - no secret is enumerable, printed, or part of a message.
 */
import { ConfigError } from '../errors/config-error.js';
import type { ConfigIssue } from '../errors/config-error.js';
import { ConnectionError } from '../errors/connection-error.js';
import { CancelledError } from '../errors/timeout-error.js';
import type { Clock } from '../kernel/clock.js';

/** What a provider gives. */
export interface Credentials {
  /** Wins over the option `user`. Default: that option. */
  readonly user?: string;
  readonly password: string;
  /**
   * Until when the server takes them for a login: a `Date`, or milliseconds since 1970. They are kept until shortly
   * before; `Infinity` keeps them until the server refuses them. Default: not kept, the provider is asked at every connect.
   */
  readonly expiresAt?: Date | number;
}

/**
 * Gives the credentials of now. May ask a vault: the wait counts against `pool.connectTimeout`.
 *
 * @example
 * const credentials: CredentialsProvider = async () => ({
 *   password: await signer.getAuthToken(),
 *   expiresAt: Date.now() + 15 * 60_000,
 * });
 */
export type CredentialsProvider = () => Credentials | Promise<Credentials>;

/** Checked, and ready for a login. `password` is not enumerable. */
export interface IssuedCredentials {
  readonly user: string | undefined;
  readonly password: string;
}

/** Where the cache stands: how messages name the server and the option, and where wall time comes from. */
export interface CredentialsPlace {
  /** `postgres://app@localhost:5432/shop`. */
  readonly endpoint: string;
  /** `postgres.credentials`. */
  readonly option: string;
  /** Expiry is told in wall time by whoever issues credentials; a wall clock that leaps costs one refused login. */
  readonly clock: Pick<Clock, 'wallNow'>;
}

/**
 * Fresh ones are asked for this long before expiry: a login may take `pool.connectTimeout` (5 s by default), and the
 * clocks of two machines are seconds apart. Of short lives it would be too much, so it is a tenth of those.
 */
const EXPIRY_MARGIN_MS = 30_000;
const EXPIRY_MARGIN_SHARE = 0.1;

/** What one question brought. */
interface Answer extends IssuedCredentials {
  /** Wall time. */
  readonly freshUntil: number;
  /** Questions are numbered from 1. */
  readonly question: number;
}

/** A question under way. Provider errors reject; a wrong shape resolves, to the list of what is wrong. */
type Question = Promise<Answer | readonly ConfigIssue[]>;

export class CredentialsCache {
  readonly #provider: CredentialsProvider;
  readonly #place: CredentialsPlace;
  #asked = 0;
  /** What newcomers join. One that somebody gave up on, or that may bring what is refused by now, is not joined any more. */
  #asking: Question | undefined;
  #kept: Answer | undefined;
  /** Questions up to this number began before the last refusal: what they bring is not kept. */
  #staleUpTo = 0;
  /** The last ones that opened a connection. */
  #worked: IssuedCredentials | undefined;

  constructor(provider: CredentialsProvider, place: CredentialsPlace) {
    this.#provider = provider;
    this.#place = place;
  }

  /**
   * One login: `attempt` with credentials that are believed good and, when `isRefusal` knows its error, once more with
   * freshly asked ones if they differ. `isRotated` in the answer: it took the second, so what older credentials opened
   * should be renewed; said to one of the connects that find out together.
   *
   * @throws ConnectionError `credentials` (CONNECTION, retryable) when the provider fails, ConfigError when it gives
   * something else than credentials, CancelledError when `signal` is aborted while it is asked, and what `attempt` throws.
   */
  async use<T>(
    attempt: (credentials: IssuedCredentials) => Promise<T>,
    isRefusal: (error: unknown) => boolean,
    signal: AbortSignal,
  ): Promise<{ readonly value: T; readonly isRotated: boolean }> {
    const first = await this.#get(signal);
    let refusal: unknown;
    try {
      const value = await attempt(first);
      this.#worked = first;
      return { value, isRotated: false };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusal = error;
    }
    this.#refuse(first);
    const fresh = await this.#get(signal);
    if (isSame(first, fresh)) {
      this.#refuse(fresh);
      throw refusal;
    }
    try {
      const value = await attempt(fresh);
      const before = this.#worked;
      this.#worked = fresh;
      return { value, isRotated: before !== undefined && !isSame(before, fresh) };
    } catch (error) {
      if (isRefusal(error)) this.#refuse(fresh);
      throw error;
    }
  }

  async #get(signal: AbortSignal): Promise<Answer> {
    if (signal.aborted) throw this.#givenUp();
    const { clock } = this.#place;
    if (this.#kept !== undefined && clock.wallNow() < this.#kept.freshUntil) return this.#kept;
    const asking = (this.#asking ??= this.#ask());
    const answer = await this.#whileWanted(asking, signal);
    if ('password' in answer) return answer;
    throw ConfigError.fromIssues(answer);
  }

  #ask(): Question {
    const question = (this.#asked += 1);
    const askedAt = this.#place.clock.wallNow();
    const asking = Promise.resolve()
      .then(() => this.#provider())
      .then((given: unknown) => {
        const answer = readCredentials(given, this.#place.option, askedAt, question);
        // Also when everybody has given up on it: a vault that is always slower than a connect may last comes to be heard.
        if ('password' in answer && question > Math.max(this.#staleUpTo, this.#kept?.question ?? 0))
          this.#kept = answer;
        return answer;
      })
      .finally(() => this.#leave(asking));
    return asking;
  }

  /** Newcomers ask again. */
  #leave(asking: Question): void {
    if (this.#asking === asking) this.#asking = undefined;
  }

  /** Forgets them, and doubts every answer under way. Said of the same question again, or of an older one, it is no news. */
  #refuse({ question }: Answer): void {
    if (question <= this.#staleUpTo) return;
    this.#staleUpTo = this.#asked;
    this.#kept = undefined;
    this.#asking = undefined;
  }

  #whileWanted(asking: Question, signal: AbortSignal): Question {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        // A provider that hangs must not take every later connect with it.
        this.#leave(asking);
        reject(this.#givenUp());
      };
      signal.addEventListener('abort', giveUp, { once: true });
      asking
        .then(resolve, (error: unknown) => reject(this.#failed(error)))
        .finally(() => {
          signal.removeEventListener('abort', giveUp);
        });
    });
  }

  /** Made for each who waits: an error carries the ids of its own connection. */
  #failed(cause: unknown): ConnectionError {
    const text = `${this.#place.endpoint}: the provider of credentials (${this.#place.option}) failed; see cause`;
    // The vault may be back in a moment, and it says nothing about the database.
    return new ConnectionError('credentials', text, { cause, decision: 'new-connection', isConnectionFatal: true });
  }

  #givenUp(): CancelledError {
    const text = `${this.#place.endpoint}: the connection was given up while its credentials were asked for`;
    return new CancelledError('runtime', text, { decision: 'new-connection', isConnectionFatal: true });
  }
}

function isSame(a: IssuedCredentials, b: IssuedCredentials): boolean {
  return a.user === b.user && a.password === b.password;
}

function readCredentials(
  given: unknown,
  option: string,
  askedAt: number,
  question: number,
): Answer | readonly ConfigIssue[] {
  const path = `${option}()`;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return [{ path, got: kindOf(given), expected: 'an object with a password' }];
  const { user, password, expiresAt } = given as Partial<Record<string, unknown>>;
  const issues: ConfigIssue[] = [];
  if (user !== undefined && !isText(user))
    issues.push({ path: `${path}.user`, got: kindOf(user), expected: 'a non-empty string, or nothing' });
  // Empty ones too: client libraries read them as "none given", and fall back to the environment without a word.
  if (!isText(password))
    issues.push({ path: `${path}.password`, got: kindOf(password), expected: 'a non-empty string' });
  const until = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  if (until !== undefined && (typeof until !== 'number' || Number.isNaN(until)))
    issues.push({ path: `${path}.expiresAt`, got: kindOf(expiresAt), expected: 'a Date, or milliseconds since 1970' });
  if (issues.length > 0) return issues;
  const answer = { user, freshUntil: freshUntil(until as number | undefined, askedAt), question };
  return Object.defineProperty(answer, 'password', { value: password, enumerable: false }) as unknown as Answer;
}

function freshUntil(expiresAt: number | undefined, askedAt: number): number {
  if (expiresAt === undefined) return -Infinity;
  return expiresAt - Math.min(EXPIRY_MARGIN_MS, (expiresAt - askedAt) * EXPIRY_MARGIN_SHARE);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Never the value: a secret may stand in any place. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (value === '') return 'an empty string';
  if (value instanceof Date || Number.isNaN(value)) return 'an invalid date';
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

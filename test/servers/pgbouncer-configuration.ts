/**
 * What PgBouncer reads when it starts: pgbouncer.ini and the file of logins. Used by pgbouncer-server.ts.
 * Invariant: the caller's settings come last and win; a setting that the version doesn't know is never written.
 */
export interface PgBouncerPlan {
  /** Address of the PostgreSQL behind it; its user and password are the login on both sides. */
  readonly target: string;
  /** When a client gives its server connection back: after each transaction, or when it disconnects. */
  readonly poolMode: 'transaction' | 'session';
  /** Server connections per user and database. Default: PgBouncer's, 20. */
  readonly defaultPoolSize?: number;
  /**
   * Named prepared statements per server connection that are followed over changes of it; 0: none are, which is all that
   * versions before 1.21 can do. Default: the program's own, 0 before 1.24 and 200 from then on.
   */
  readonly maxPreparedStatements?: number;
  /** Lines of pgbouncer.ini, such as `{ query_wait_timeout: '2' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Name of the file of logins, in the folder it is started in. */
export const USER_LIST = 'userlist.txt';

/**
 * Any database of the target is passed on under its own name. The text of the password is what PgBouncer logs in with
 * behind it, and both sides use SCRAM.
 */
export function configurationOf(plan: PgBouncerPlan, port: number, version: string): string {
  const { hostname, port: targetPort, username } = new URL(plan.target);
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: USER_LIST,
    admin_users: decodeURIComponent(username),
    pool_mode: plan.poolMode,
    ...(plan.defaultPoolSize === undefined ? {} : { default_pool_size: String(plan.defaultPoolSize) }),
    ...preparedStatementsSetting(plan.maxPreparedStatements, version),
    ...plan.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  return ['[databases]', `* = host=${hostname} port=${targetPort || '5432'}`, '', '[pgbouncer]', ...lines, ''].join(
    '\n',
  );
}

/** The file of logins: "user" "password", quotes doubled. */
export function userListOf(target: string): string {
  const { username, password } = new URL(target);
  return `${[username, password].map((word) => `"${decodeURIComponent(word).replaceAll('"', '""')}"`).join(' ')}\n`;
}

/** Versions before 1.21 don't know the setting and do what 0 means. */
function preparedStatementsSetting(limit: number | undefined, version: string): Readonly<Record<string, string>> {
  if (limit === undefined) return {};
  if (isAtLeast(version, 1, 21)) return { max_prepared_statements: String(limit) };
  if (limit === 0) return {};
  throw new Error(`PgBouncer ${version} can't follow prepared statements; it takes 1.21.`);
}

/** Whether a version such as "1.18.0" is that one or a later one. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

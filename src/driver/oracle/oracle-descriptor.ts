/**
 * Where to connect to, in Oracle's own words: a connect descriptor out of the parts that the options name, and what can be shown of a
 * connect string that somebody else has written.
 * Invariant: nothing of a part ends the value that it stands in; `readName` lets only such parts through.
 */

/** The place, in parts. */
export interface OraclePlace {
  readonly host: string;
  readonly port: number;
  readonly serviceName: string | undefined;
  /** In the place of a service: one instance, as databases before 8i are called. */
  readonly sid: string | undefined;
  readonly tls: boolean;
  readonly drcp: OracleDrcp | undefined;
}

/** Database resident connection pooling: the server lends its processes. */
export interface OracleDrcp {
  /** Sessions are shared among those of one class only. Default: the user's own. Thin mode of oracledb 26.0 does not pass it on. */
  readonly connectionClass?: string;
  /** `'self'`: a session that was used before will do; `'new'`: none. Thin mode of oracledb 26.0 always asks for `'new'`. Default `'new'`. */
  readonly purity?: 'new' | 'self';
}

export function descriptorOf({ host, port, serviceName, sid, tls, drcp }: OraclePlace): string {
  const address = `(ADDRESS=(PROTOCOL=${tls ? 'tcps' : 'tcp'})(HOST=${host})(PORT=${port}))`;
  const target = sid === undefined ? `(SERVICE_NAME=${serviceName ?? ''})` : `(SID=${sid})`;
  const pooled = drcp === undefined ? '' : pooledText(drcp);
  return `(DESCRIPTION=${address}(CONNECT_DATA=${target}${pooled}))`;
}

function pooledText({ connectionClass, purity }: OracleDrcp): string {
  const ofClass = connectionClass === undefined ? '' : `(POOL_CONNECTION_CLASS=${connectionClass})`;
  const ofPurity = purity === undefined ? '' : `(POOL_PURITY=${purity.toUpperCase()})`;
  return `(SERVER=POOLED)${ofClass}${ofPurity}`;
}

/** Parentheses, quotes, commas and equals signs have a meaning of their own in a descriptor, which knows no escapes for names. */
export function isName(text: string): boolean {
  return /^[^\s()='",\\]+$/.test(text);
}

/** For people: of a descriptor what it names first, and of EZConnect what stands before its parameters. */
export function printConnectString(text: string): string {
  if (!/^\s*\(/.test(text)) return text.replace(/\?.*$/s, '').replace(/^\w*:?\/\//, '');
  const valueOf = (name: string) => new RegExp(String.raw`\(\s*${name}\s*=\s*([^\s()]+)\s*\)`, 'i').exec(text)?.[1];
  const host = valueOf('HOST') ?? '?';
  const port = valueOf('PORT') ?? '1521';
  return `${host}:${port}/${valueOf('SERVICE_NAME') ?? valueOf('SID') ?? ''}`;
}

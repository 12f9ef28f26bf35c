/** An `oracle://` URL as the options of the same names, and what of it remains beside the options that were given. */
import type { OptionIssue } from '../../kernel/option-reader.js';
import { nearestName } from '../../kernel/option-reader.js';
import { parseConnectionUrl } from '../connection-url.js';

export type Fields = Readonly<Record<string, unknown>>;

const URL_PARAMETERS: readonly string[] = (
  'sid tls walletLocation configDir mode libDir edition schema drcp connectionClass purity applicationName clientIdentifier ' +
  'connectTimeout privilege sslServerDNMatch sslServerCertDN'
).split(' ');
const URL_FLAGS: ReadonlySet<string> = new Set(['tls', 'drcp', 'sslServerDNMatch']);

/** What a URL says, as the options of the same names. */
export function readUrl(text: unknown, issues: OptionIssue[]): Fields {
  if (text === undefined) return {};
  const path = 'oracle.url';
  if (typeof text !== 'string' || text === '') {
    issues.push({ path, got: text === '' ? "''" : `a value of type ${typeof text}`, expected: 'a non-empty string' });
    return {};
  }
  const url = parseConnectionUrl(text, ['oracle'], path, issues);
  if (url === undefined) return {};
  const { host, port, user, password, database, parameters } = url;
  const more: Record<string, unknown> = {};
  for (const [name, value] of parameters) {
    if (!URL_PARAMETERS.includes(name)) {
      const nearest = nearestName(name, URL_PARAMETERS);
      const expected = nearest === undefined ? `one of ${URL_PARAMETERS.join(', ')}` : `did you mean '${nearest}'?`;
      issues.push({ path: `${path}?${name}`, got: 'an unknown parameter', expected });
    } else more[name] = URL_FLAGS.has(name) && /^(?:true|false)$/.test(value) ? value === 'true' : value;
  }
  const { connectionClass, purity, ...rest } = more;
  const drcp =
    connectionClass === undefined && purity === undefined ? {} : { drcp: dropAbsent({ connectionClass, purity }) };
  const isTnsName = host !== undefined && port === undefined && database === undefined && rest['sid'] === undefined;
  const place = isTnsName ? { connectString: host } : { host, port, serviceName: database };
  return dropAbsent({ ...place, user, password, ...rest, ...drcp });
}

/** The options over what the URL says. One place wins as a whole over the other. */
export function overUrl(fromUrl: Fields, options: Fields): Fields {
  const own = dropAbsent(options);
  const under: Record<string, unknown> = { ...fromUrl };
  if (own['connectString'] !== undefined) for (const name of PLACE) delete under[name];
  if (PLACE.some((name) => own[name] !== undefined)) delete under['connectString'];
  if (own['sid'] !== undefined) delete under['serviceName'];
  if (own['serviceName'] !== undefined) delete under['sid'];
  if (own['credentials'] !== undefined || own['accessToken'] !== undefined) delete under['password'];
  return { ...under, ...own };
}

export const PLACE = ['host', 'port', 'serviceName', 'sid'] as const;

function dropAbsent(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * What the connector is told: this room's configuration in its words. Whatever it could do by itself that would be a surprise
 * is switched off here, but for IGNORE_SPACE, which the set-up of the session takes back (mysql-session.ts); and every raw value is asked for in the form that loses nothing.
 */
import { userInfo } from 'node:os';
import type { Login } from '../mysql-server/mysql-family-driver.js';
import type { MysqlConfig, MysqlTls } from '../mysql-server/mysql-options.js';
import type { MariadbClientOptions } from './mariadb-module.js';

/** Idle time before the first TCP keepalive probe: half of the 60 s after which common load balancers drop a flow. */
const TCP_KEEPALIVE_MS = 30_000;

/** A name in the handshake is for names: Node warns of addresses. */
const ADDRESS = /^[\d.]+$|:/;

export function clientOptions(config: MysqlConfig, login: Login): MariadbClientOptions {
  const { host, port, socketPath, database, tls, allowPublicKeyRetrieval, applicationName } = config;
  return {
    host,
    port,
    socketPath,
    user: login.user ?? userInfo().username,
    password: login.password,
    database,
    ssl: tls === false ? false : tlsOptions(tls, host),
    allowPublicKeyRetrieval,
    connectAttributes: { program_name: applicationName },
    // Time is the runtime's: its signal destroys the socket.
    connectTimeout: 0,
    keepAliveDelay: TCP_KEEPALIVE_MS,
    // Said in the handshake, which saves the connector's own SET NAMES; the set-up names utf8mb4 and the server's collation.
    collation: 'UTF8MB4_GENERAL_CI',
    // What is sent while others are in flight is written at once, and not when they have been answered.
    pipelining: true,
    // For every statement: with options of its own each would get an object whose prototype is all of these.
    rowsAsArray: true,
    metaAsArray: true,
    // mariadb-statements.ts keeps them: the connector's cache cannot drop a single one that has gone stale.
    prepareCacheLength: 0,
    multipleStatements: false,
    permitLocalInfile: false,
    // A server that sends its clients elsewhere would change the endpoint behind everybody's back.
    permitRedirect: false,
    foundRows: true,
    bulk: true,
    dateStrings: true,
    jsonStrings: true,
    bitOneIsBoolean: false,
    checkDuplicate: false,
    // It would write the values into error messages.
    logParam: false,
  };
}

/** Made anew for each connection: the connector writes into the object. */
function tlsOptions({ verifiesName, ...tls }: MysqlTls, host: string): object {
  const isChecked = tls.rejectUnauthorized !== false;
  return {
    ...(ADDRESS.test(host) ? {} : { servername: host }),
    ...tls,
    ...(isChecked && !tls.ca ? nodesOwnAuthorities(tls) : {}),
    // Without it Node checks the certificate of an address against "localhost".
    host,
    rejectUnauthorized: isChecked,
    ...(verifiesName ? {} : { checkServerIdentity: () => undefined }),
  };
}

/**
 * Without a `ca` the connector checks no certificate of a server that says it is MariaDB 11.4.1 or later: it sends its login, and
 * looks for a proof of the password in the answer. An empty `ca` keeps it from that. Node has no use for it beside a context that
 * is made already, and one made without `ca` trusts whom Node trusts, NODE_EXTRA_CA_CERTS included.
 * Node's TLS is taken here: an import that loaded it would take 5 ms longer.
 */
function nodesOwnAuthorities({ ca: _none, ...material }: Omit<MysqlTls, 'verifiesName'>): object {
  return { ca: [], secureContext: process.getBuiltinModule('node:tls').createSecureContext(material) };
}

/**
 * The TLS handshake in the place of mysql2's own, which checks the certificate of a server reached by its address against the
 * name `localhost`, takes no other name than the host's, and hides Node's code behind its own.
 * Invariant: before the certificate is accepted nothing of the login is written.
 */
import type { Socket } from 'node:net';
import type { MysqlTls } from '../mysql-server/mysql-options.js';
import type { Mysql2Connection, Mysql2Stream } from './mysql-module.js';

/**
 * Node's TLS is taken when there is a handshake to make: an import that loaded it would take 5 ms longer.
 * mysql2 sees to the socket again once `onSecure` was called without an error.
 */
export function useTls(client: Mysql2Connection, tls: MysqlTls, host: string): void {
  const { verifiesName, servername, rejectUnauthorized = true, ...material } = tls;
  const name = servername ?? host;
  const { checkServerIdentity, connect } = process.getBuiltinModule('node:tls');
  const { isIP } = process.getBuiltinModule('node:net');
  client.startTLS = (onSecure) => {
    const raw = client.stream as unknown as Socket;
    raw.removeAllListeners('data');
    let isSecure = false;
    const secure = connect(
      {
        ...(material as object),
        socket: raw,
        rejectUnauthorized,
        ...(isIP(name) === 0 ? { servername: name } : undefined),
        checkServerIdentity: (_asked, certificate) =>
          verifiesName ? checkServerIdentity(name, certificate) : undefined,
      },
      () => {
        isSecure = true;
        onSecure();
      },
    );
    secure.on('error', (error: Error) => {
      if (isSecure) client._handleNetworkError(error);
      else onSecure(new Error(error.message, { cause: error }));
    });
    secure.on('data', (chunk: Buffer) => client.packetParser.execute(chunk));
    (client as { stream: Mysql2Stream }).stream = secure;
  };
}

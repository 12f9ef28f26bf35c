/**
 * TLS (TCPS) with the Oracle room, by the real client library over the wire server: whose certificate is taken, and that a connection
 * over TLS counts its bytes, is noticed when it is lost, and ends at once, as any other. The server's certificate is for `localhost`.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ScriptedBackend, rows } from '../support/oracle-wire/scripted-backend.js';
import type { OracleServer } from '../support/oracle-wire/server.js';
import { startOracleServer } from '../support/oracle-wire/server.js';
import { T } from '../support/oracle-wire/values.js';
import { OracleSessions, failure, run, sidOf } from './oracle-sessions.js';

const pem = (name: string): string => readFileSync(fileURLToPath(new URL(`./tls/${name}`, import.meta.url)), 'utf8');
/** A certificate of one's own with its key, and the authority that is trusted: what `ewallet.pem` holds. */
const wallet = (authority: string) => [pem('client.key'), pem('client.crt'), pem(authority)].join('\n');

describe('TLS with an Oracle server', () => {
  let server: OracleServer;
  let sessions: OracleSessions;

  beforeAll(async () => {
    const backend = new ScriptedBackend()
      .when(/sys_context/, (_request, { info }) => rows({ SID: T.NUMBER }, [[info.sid]]))
      .when(/^select name/, rows({ NAME: T.VARCHAR }, [['a']]));
    server = await startOracleServer({ backend, tls: { key: pem('named.key'), cert: pem('named.crt') } });
    sessions = new OracleSessions(server);
  });
  afterEach(() => {
    sessions.endAll();
    server.faults.clear();
  });
  afterAll(() => server.stop());

  const connect = (more = {}, request = {}) => {
    const { port } = server;
    const trusted = { host: 'localhost', port, tls: true, walletContent: wallet('authority.crt') };
    return sessions.connect({ ...trusted, ...more }, request);
  };

  it('runs statements, counts their bytes, and is told of its end', async () => {
    const connection = await connect();
    const before = connection.bytesWritten;
    expect((await run(connection, 'select name from t')).rows).toEqual([['a']]);
    expect(connection.bytesWritten).toBeGreaterThan(before);
    server.faults.cut(sidOf(connection));
    await expect.poll(() => connection.state).toBe('closed');
    expect(sessions.losses).toHaveLength(1);
  });

  it('ends at once when the server is frozen', async () => {
    const connection = await connect();
    server.faults.freeze(sidOf(connection));
    const failed = failure(run(connection, 'select name from t'));
    connection.destroy();
    expect(await failed).toMatchObject({ code: 'NJS-500' });
    await expect.poll(() => server.connections).toBe(0);
    expect(sessions.losses).toEqual([]);
  });

  it('is closed gently', async () => {
    const connection = await connect();
    await connection.close();
    await expect.poll(() => server.connections).toBe(0);
    expect(sessions.losses).toEqual([]);
  });

  it.each([
    ['whose authority nobody trusts', { walletContent: wallet('server.crt') }],
    ['for another name', { host: '127.0.0.1' }],
    ['with another distinguished name', { sslServerCertDN: 'CN=other' }],
  ])('refuses a certificate %s', async (_case, more) => {
    expect(await failure(connect(more))).toMatchObject({ code: 'NJS-506' });
    await expect.poll(() => server.connections).toBe(0);
  });

  it('takes a certificate for another name where names are not looked at', async () => {
    const connection = await connect({ host: '127.0.0.1', sslServerDNMatch: false });
    await connection.ping();
  });

  it('is given up at once with a server that speaks no TLS', async () => {
    const plain = await startOracleServer({ backend: new ScriptedBackend() });
    plain.faults.blackHole(true);
    const controller = new AbortController();
    const failed = failure(connect({ port: plain.port }, { signal: controller.signal }));
    await expect.poll(() => plain.connections).toBe(1);
    controller.abort();
    expect(await failed).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => plain.connections).toBe(0);
    await plain.stop();
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createDeferred } from '../../kernel/deferred.js';
import { answerScrape } from './scrape-handler.js';
import type { ScrapeRequest } from './scrape-handler.js';

const LONG = 'db_connections_open{pool="shop"} 1\n'.repeat(100);

interface Reply {
  status: number;
  headers: Record<string, string | number>;
  body: string | Uint8Array | undefined;
}

async function scrape(
  request: Partial<ScrapeRequest>,
  { tokens = [], body = LONG }: { tokens?: readonly string[]; body?: string | Error } = {},
): Promise<Reply> {
  const reply: Reply = { status: 0, headers: {}, body: undefined };
  const response = {
    set statusCode(status: number) {
      reply.status = status;
    },
    setHeader: (name: string, value: string | number) => (reply.headers[name.toLowerCase()] = value),
    end: (content?: string | Uint8Array) => (reply.body = content),
  };
  const expose = async (accept: string | undefined) => {
    if (body instanceof Error) throw body;
    return { contentType: `for ${accept}`, body };
  };
  await answerScrape({ tokens, expose }, { method: 'GET', headers: {}, ...request }, response);
  return reply;
}

const text = ({ body }: Reply): string => (typeof body === 'string' ? body : Buffer.from(body ?? []).toString());

describe('a scrape over HTTP', () => {
  it('is answered in the format that was asked for, and kept by nobody', async () => {
    const reply = await scrape({ headers: { accept: 'a/b' } });
    expect([reply.status, text(reply)]).toEqual([200, LONG]);
    expect(reply.headers).toEqual({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-type': 'for a/b',
      vary: 'Accept, Accept-Encoding',
      'content-length': LONG.length,
    });
  });

  it('has a length in bytes, and no body for HEAD', async () => {
    const reply = await scrape({ method: 'HEAD' }, { body: 'naïve' });
    expect([reply.status, reply.headers['content-length'], reply.body]).toEqual([200, 6, undefined]);
  });

  it('is compressed for those who accept it, where it is worth it', async () => {
    const headers = { 'accept-encoding': 'gzip, deflate' };
    const packed = await scrape({ headers });
    const content = packed.body as Uint8Array;
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': content.length });
    expect(content.length).toBeLessThan(LONG.length / 10);
    expect(gunzipSync(content).toString()).toBe(LONG);
    const small = await scrape({ headers }, { body: 'db_up 1\n' });
    expect([small.headers['content-encoding'], text(small)]).toEqual([undefined, 'db_up 1\n']);
  });

  it.each(['POST', 'DELETE', 'OPTIONS', undefined])('reads only: %s is refused', async (method) => {
    const reply = await scrape({ method }, { tokens: ['long-enough'] });
    expect([reply.status, reply.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });

  it('needs one of the tokens where there are any', async () => {
    const tokens = ['the-old-token', 'the-new-token'];
    const statusOf = async (authorization: string | undefined) =>
      (await scrape({ headers: { authorization } }, { tokens })).status;
    const right = ['Bearer the-old-token', 'bearer the-new-token', 'Bearer  the-new-token '];
    expect(await Promise.all(right.map(statusOf))).toEqual([200, 200, 200]);
    const wrong = [undefined, '', 'Bearer', 'Bearer ', 'Bearer the-new-toke', 'Bearer the-new-token2', 'the-new-token'];
    const others = ['Basic the-new-token', 'Bearer the-new-token the-old-token', 'Bearer THE-NEW-TOKEN'];
    expect(await Promise.all([...wrong, ...others].map(statusOf))).toEqual([...wrong, ...others].map(() => 401));
    const refused = await scrape({}, { tokens });
    expect([refused.headers['www-authenticate'], text(refused)]).toEqual([
      'Bearer realm="metrics"',
      'A token is needed: Authorization: Bearer …\n',
    ]);
  });

  it.each(['metrics', 'an error'])(
    'that somebody else has answered meanwhile, as a time limit of the server does, is left alone: %s',
    async (found) => {
      const answered = createDeferred<void>();
      const server = createServer((request, response) => {
        const expose = async () => {
          response.writeHead(503).end();
          if (found === 'an error') throw new Error(found);
          return { contentType: 'text/plain', body: LONG };
        };
        void answerScrape({ tokens: [], expose }, request, response)
          .then(() => answerScrape({ tokens: [], expose }, request, response))
          .then(
            () => answered.resolve(),
            (error: unknown) => answered.reject(error),
          );
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const { status } = await fetch(`http://127.0.0.1:${port}/`);
      await answered.promise;
      await new Promise((resolve) => server.close(resolve));
      expect(status).toBe(503);
    },
  );

  it('that fails inside says so, and not why', async () => {
    const reply = await scrape({}, { body: new Error('password=secret') });
    expect([reply.status, text(reply)]).toEqual([500, 'The metrics could not be read.\n']);
  });
});

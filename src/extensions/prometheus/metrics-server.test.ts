/** On real sockets of the loopback address, as nothing else would show what is left of them. */
import { Agent, get } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect, Server } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../errors/config-error.js';
import { systemClock } from '../../kernel/clock.js';
import { createDeferred } from '../../kernel/deferred.js';
import { serveMetrics } from './metrics-server.js';
import { prometheus } from './prometheus.js';

interface Answered {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function read(url: string, agent = new Agent()): Promise<Answered> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      response.on('error', reject);
    }).on('error', reject);
  });
}

const isRefused = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });

describe('a server for scrapes', () => {
  it('answers at its path on the loopback address, and nowhere else', async () => {
    await using server = await prometheus().listen({ port: 0 });
    expect(server.url).toBe(`http://127.0.0.1:${server.port}/metrics`);
    expect(await read(`${server.url}?name[]=x`)).toMatchObject({ status: 200, body: '' });
    const elsewhere = await read(server.url.replace('/metrics', '/'));
    expect([elsewhere.status, elsewhere.body]).toEqual([404, 'The metrics are at /metrics.\n']);
  });

  it('keeps to the token of its exporter, and to a path of its own', async () => {
    await using server = await prometheus({ token: 'long-enough' }).listen({ port: 0, host: 'localhost', path: '/db' });
    expect(server.url).toBe(`http://localhost:${server.port}/db`);
    expect((await read(server.url)).status).toBe(401);
  });

  it('is gone when it is closed, with the connections that were kept for later', async () => {
    const server = await prometheus().listen({ port: 0 });
    const agent = new Agent({ keepAlive: true });
    await read(server.url, agent);
    expect(Object.values(agent.freeSockets).flat().length).toBe(1);
    await Promise.all([server.close(), server.close()]);
    expect(await isRefused(server.port)).toBe(true);
    // A machine that stands still for the second that is vitest's own limit would not have read the end of the socket.
    await expect.poll(() => Object.values(agent.freeSockets).flat().length, { timeout: 4_000 }).toBe(0);
    await server[Symbol.asyncDispose]();
  });

  it('lets a scrape under way finish before it is closed, and does not keep its connection', async () => {
    const [begun, released] = [createDeferred<void>(), createDeferred<void>()];
    const server = await serveMetrics({ port: 0 }, async (_request, response) => {
      begun.resolve();
      await released.promise;
      response.end('late\n');
    });
    const agent = new Agent({ keepAlive: true });
    const scrape = read(server.url, agent);
    await begun.promise;
    let isClosed = false;
    const closed = server.close().then(() => (isClosed = true));
    expect(await isRefused(server.port)).toBe(true);
    expect(isClosed).toBe(false);
    released.resolve();
    expect(await scrape).toMatchObject({ status: 200, body: 'late\n' });
    await closed;
  });

  it('is closed in the end, whoever goes on sending a byte at a time', { timeout: 60_000 }, async () => {
    const server = await serveMetrics({ port: 0 }, async () => undefined);
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    socket.write('GET /metrics HTTP/1.1\r\nX: ');
    let isClosed = false;
    const closed = server.close().then(() => (isClosed = true));
    while (!isClosed) {
      socket.write('x');
      await new Promise<void>((resolve) => systemClock.setTimer(50, resolve));
    }
    await closed;
    socket.destroy();
    expect(await isRefused(server.port)).toBe(true);
  });

  it('outlives connections that cannot be taken, for want of file descriptors say', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    await using server = await prometheus().listen({ port: 0 });
    const [inside] = listen.mock.contexts as unknown as Server[];
    listen.mockRestore();
    for (let times = 0; times < 3; times += 1) inside?.emit('error', new Error('accept ENFILE'));
    expect((await read(server.url)).status).toBe(200);
  });

  it('that finds its port taken says which, and options that are wrong are told at once', async () => {
    await using server = await prometheus().listen({ port: 0 });
    const taken = prometheus().listen({ port: server.port });
    await expect(taken).rejects.toThrow(`Nobody can listen to port ${server.port} of 127.0.0.1: EADDRINUSE`);
    await expect(taken).rejects.toBeInstanceOf(ConfigError);
    const wrong = prometheus().listen({ host: '', path: 'metrics', Port: 1 } as never);
    await expect(wrong).rejects.toMatchObject({
      issues: [{ path: 'port' }, { path: 'host' }, { path: 'path' }, { path: 'Port' }],
    });
  });
});

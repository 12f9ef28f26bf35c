import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../kernel/clock.js';
import { startTcpProxy } from './tcp-proxy.js';
import type { TcpProxy } from './tcp-proxy.js';
import type { Client } from '../../test/fakes/echo-server.js';
import { clientOn, EchoServer, endingOf } from '../../test/fakes/echo-server.js';

let server: EchoServer;
let proxy: TcpProxy;
let clients: Client[];

beforeEach(async () => {
  clients = [];
  server = await EchoServer.start();
  proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: server.port } });
});

afterEach(async () => {
  for (const client of clients) client.socket.destroy();
  await proxy.close();
  await server.close();
});

describe('a connection without faults', () => {
  it('carries bytes both ways, and is counted', async () => {
    const client = await open();
    client.socket.write('ping');
    expect(await client.receives(4)).toBe('ping');
    expect([proxy.connections, proxy.accepted, proxy.mode]).toEqual([1, 1, 'pass']);
  });

  it('carries 8 MiB unharmed to a reader that starts late', async () => {
    const client = await open();
    client.socket.pause();
    const sent = Buffer.alloc(8 * 1024 * 1024, 'fluxor-');
    client.socket.write(sent);
    await server.roundTrip();
    client.socket.resume();
    expect((await client.receives(sent.length)) === sent.toString()).toBe(true);
  });

  it('passes a half-close on as a half-close: the server answers after the client has ended its side', async () => {
    const client = await open();
    client.socket.end('last words');
    expect(await client.receives(10)).toBe('last words');
    expect(await client.ending).toBe('fin');
    await server.whenConnections(0);
  });

  it('passes a reset by the client on to the server, and one by the server on to the client', async () => {
    const first = await open();
    first.socket.write('x');
    await first.receives(1);
    const firstServerSide = server.endingOf(0);
    first.socket.resetAndDestroy();
    expect(await firstServerSide).toBe('ECONNRESET');

    const second = await open();
    second.socket.write('x');
    await second.receives(1);
    server.sockets[1]?.resetAndDestroy();
    expect(await second.ending).toBe('ECONNRESET');
  });

  it('resets the client when the server can not be reached', async () => {
    await server.close();
    const client = await open();
    expect(await client.ending).toBe('ECONNRESET');
  });
});

describe('modes for new connections', () => {
  it('refuses, leaves living connections alone, and accepts again on the same port', async () => {
    const living = await open();
    const { port } = proxy;
    await proxy.setMode('refuse');
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    living.socket.write('still here');
    expect(await living.receives(10)).toBe('still here');

    await proxy.setMode('pass');
    const again = await open();
    again.socket.write('back');
    expect(await again.receives(4)).toBe('back');
    expect(proxy.port).toBe(port);
  });

  it('does the last thing it was told when modes are switched without awaiting', async () => {
    void proxy.setMode('refuse');
    void proxy.setMode('pass');
    await proxy.setMode('refuse');
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('accepts and hangs without a word to the server', async () => {
    await proxy.setMode('accept-and-hang');
    const client = await open();
    client.socket.write('anybody there?');
    await server.roundTrip();
    expect([client.received, server.accepted - 1, proxy.connections]).toEqual(['', 0, 1]);
  });

  it('lets a hanging connection go when the client goes', async () => {
    await proxy.setMode('accept-and-hang');
    const client = await open();
    client.socket.end();
    expect(await client.ending).toBe('fin');
    expect(proxy.connections).toBe(0);
  });

  it('resets on connect', async () => {
    await proxy.setMode('reset-on-connect');
    const client = connect({ host: proxy.host, port: proxy.port });
    expect(await endingOf(client)).toBe('ECONNRESET');
    expect([proxy.connections, proxy.accepted]).toEqual([0, 1]);
  });
});

describe('faults of living connections', () => {
  it('resets all of them, on both sides', async () => {
    const [one, two] = [await openUsed(), await openUsed()];
    const serverSides = [server.endingOf(0), server.endingOf(1)];
    proxy.resetAll();
    expect(await Promise.all([one.ending, two.ending, ...serverSides])).toEqual(Array(4).fill('ECONNRESET'));
    expect(proxy.connections).toBe(0);
  });

  it('ends all of them in order, on both sides', async () => {
    const client = await openUsed();
    const serverSide = server.endingOf(0);
    proxy.finAll();
    expect(await Promise.all([client.ending, serverSide])).toEqual(['fin', 'fin']);
  });

  it('ends hanging connections too', async () => {
    await proxy.setMode('accept-and-hang');
    const [one, two] = [await open(), await open()];
    proxy.finAll();
    expect(await one.ending).toBe('fin');
    expect(await two.ending).toBe('fin');
  });

  it('can reset what it has just ended', async () => {
    const client = await openUsed();
    proxy.finAll();
    proxy.resetAll();
    await client.ending;
    expect(proxy.connections).toBe(0);
  });

  it('holds requests in a black hole, and lets them flow when it is closed', async () => {
    const client = await openUsed();
    proxy.blackHole(true);
    client.socket.write('held');
    await server.roundTrip();
    expect([client.received, server.receivedBy(0)]).toEqual(['', 'x']);
    proxy.blackHole(false);
    expect(await client.receives(4)).toBe('held');
  });

  it('holds replies, a FIN and a RST in a black hole', async () => {
    const [one, two] = [await openUsed(), await openUsed()];
    proxy.blackHole(true);
    server.sockets[0]?.end('bye');
    server.sockets[1]?.resetAndDestroy();
    await server.roundTrip();
    expect([one.received, one.hasEnded, two.hasEnded, proxy.connections]).toEqual(['', false, false, 2]);
    proxy.blackHole(false);
    expect(await one.receives(3)).toBe('bye');
    expect([await one.ending, await two.ending]).toEqual(['fin', 'ECONNRESET']);
  });

  it('holds connections that are made while the black hole is there', async () => {
    proxy.blackHole(true);
    const client = await open();
    client.socket.write('hello?');
    await server.roundTrip();
    expect(client.received).toBe('');
    proxy.blackHole(false);
    expect(await client.receives(6)).toBe('hello?');
  });

  it('delays each direction, and keeps the order when the delay is taken away', async () => {
    const client = await openUsed();
    proxy.delay(30);
    const sentAt = systemClock.now();
    client.socket.write('a');
    await server.whenReceived(0, 'xa');
    expect(systemClock.now() - sentAt).toBeGreaterThanOrEqual(29);
    client.socket.write('b');
    await server.roundTrip();
    proxy.delay(0);
    client.socket.write('c');
    expect(await client.receives(3)).toBe('abc');
    expect(systemClock.now() - sentAt).toBeGreaterThanOrEqual(58);
  });
});

describe('traps', () => {
  it('cuts after n bytes of the server, one connection only', async () => {
    const [one, two] = [await openUsed(), await openUsed()];
    const trap = proxy.cutAfter(6);
    one.socket.write('1234');
    expect(await one.receives(4)).toBe('1234');
    one.socket.write('5678');
    expect(await one.ending).toBe('ECONNRESET');
    expect(one.received).toBe('56');
    two.socket.write('12345678');
    expect(await two.receives(8)).toBe('12345678');
    expect(trap.sprung).toBe(1);
  });

  it('cuts connections that are made later, as many as asked for', async () => {
    const trap = proxy.cutAfter(0, { times: 2 });
    for (const expected of ['ECONNRESET', 'ECONNRESET']) {
      const client = await open();
      client.socket.write('x');
      expect(await client.ending).toBe(expected);
      expect(client.received).toBe('');
    }
    await openUsed();
    expect(trap.sprung).toBe(2);
  });

  it('cuts nothing once it is disarmed', async () => {
    proxy.cutAfter(0).disarm();
    const client = await openUsed();
    expect(client.hasEnded).toBe(false);
  });

  it.each([
    ['reset', 'ECONNRESET'],
    ['fin', 'fin'],
  ] as const)('delivers the request and loses the reply, then ends with %s', async (end, seen) => {
    const client = await openUsed();
    const trap = proxy.dropReplies({ when: (chunk) => chunk.includes('COMMIT'), then: end });
    client.socket.write('BEGIN');
    expect(await client.receives(5)).toBe('BEGIN');
    expect(trap.sprung).toBe(0);
    client.socket.write('COMMIT');
    expect(await client.ending).toBe(seen);
    await trap.fired;
    expect([client.received, server.receivedBy(0)]).toEqual(['', 'xBEGINCOMMIT']);
  });

  it('delivers the request, loses the reply and hangs, even when the server leaves', async () => {
    const client = await openUsed();
    const trap = proxy.dropReplies({ then: 'hang' });
    client.socket.write('COMMIT');
    await trap.fired;
    await server.whenReceived(0, 'xCOMMIT');
    server.sockets[0]?.end();
    await server.roundTrip();
    expect([client.received, client.hasEnded]).toEqual(['', false]);
    client.socket.end();
    expect(await client.ending).toBe('fin');
    await server.whenConnections(0);
  });

  it('loses the reply of one request only, and the next connection works', async () => {
    const first = await openUsed();
    proxy.dropReplies({ then: 'reset' });
    first.socket.write('lost');
    await first.ending;
    const second = await openUsed();
    expect(second.hasEnded).toBe(false);
  });

  it('takes traps and weather away at once', async () => {
    proxy.cutAfter(0);
    proxy.delay(60_000);
    proxy.blackHole(true);
    proxy.clearFaults();
    await openUsed();
  });

  it('refuses numbers that make no sense', () => {
    expect(() => proxy.cutAfter(-1)).toThrow(RangeError);
    expect(() => proxy.cutAfter(1, { times: 0 })).toThrow(RangeError);
    expect(() => proxy.delay(Number.NaN)).toThrow(RangeError);
  });
});

describe('close', () => {
  it('leaves no socket, no listener and no further use', async () => {
    const living = await openUsed();
    await proxy.setMode('accept-and-hang');
    const hanging = await open();
    proxy.delay(60_000);
    living.socket.write('under way');
    await proxy.close();
    await Promise.all([living.ending, hanging.ending]);
    expect(proxy.connections).toBe(0);
    await server.whenConnections(0);
    await expect(open()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(proxy.setMode('pass')).rejects.toThrow('closed');
    await proxy.close();
  });
});

async function open(): Promise<Client> {
  const socket = connect({ host: proxy.host, port: proxy.port, noDelay: true });
  const ending = endingOf(socket);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const client = clientOn(socket, ending);
  clients.push(client);
  return client;
}

/** A connection that has made its first round trip, so that it is known to reach through to the server. */
async function openUsed(): Promise<Client> {
  const client = await open();
  client.socket.write('x');
  await client.receives(1);
  return client;
}

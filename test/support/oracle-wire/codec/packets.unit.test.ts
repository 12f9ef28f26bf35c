import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildAccept, buildRedirect, buildRefuse, descriptorValue, parseConnect } from './connect-packets.js';
import { buildControlError, buildData, buildMarker, DATA_FLAG, MARKER, PACKET, PacketSplitter } from './tns.js';
import type { Packet } from './tns.js';

function split(stream: Buffer, large: boolean, cuts: readonly number[] = []): Packet[] {
  const splitter = new PacketSplitter();
  splitter.large = large;
  const packets: Packet[] = [];
  const at = [...new Set([0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].sort((a, b) => a - b);
  for (const [index, start] of at.entries()) {
    splitter.push(stream.subarray(start, at[index + 1] ?? stream.length));
    for (let packet = splitter.next(); packet !== null; packet = splitter.next()) packets.push(packet);
  }
  return packets;
}

describe('DATA packets', () => {
  it('bring a payload back, however it is cut, and say at the last one that it ends', () => {
    const payloads = fc.uint8Array({ maxLength: 5000 }).map((value) => Buffer.from(value));
    const sizes = fc.integer({ min: 512, max: 2000 });
    fc.assert(
      fc.property(payloads, sizes, fc.boolean(), fc.array(fc.nat()), (payload, sdu, large, cuts) => {
        const packets = split(buildData(payload, sdu, large, true), large, cuts);
        expect(Buffer.concat(packets.map(({ body }) => body.subarray(2))).equals(payload)).toBe(true);
        const ends = packets.map(({ body }) => body.readUInt16BE(0) === DATA_FLAG.END_OF_RESPONSE);
        expect(ends.indexOf(true)).toBe(packets.length - 1);
        expect(packets.every(({ raw, type }) => raw.length <= sdu && type === PACKET.DATA)).toBe(true);
      }),
    );
  });

  it('say nothing of an end that was not agreed', () => {
    const [packet] = split(buildData(Buffer.from('x'), 512, true, false), true);
    expect(packet?.body.readUInt16BE(0)).toBe(0);
  });
});

it('a stream out of step is an error, not a long wait', () => {
  expect(() => split(Buffer.from([0, 3, 0, 0, 6, 0, 0, 0]), false)).toThrow('3 bytes');
  expect(() => split(Buffer.from([0xff, 0xff, 0xff, 0xff, 6, 0, 0, 0]), true)).toThrow();
});

it('markers and notifications say what they are', () => {
  const stream = Buffer.concat([
    buildMarker(MARKER.BREAK, true),
    buildMarker(MARKER.RESET, true),
    buildControlError(12572, true),
  ]);
  const [first, second, control] = split(stream, true, [5, 13]);
  expect([first?.type, first?.body[2], second?.body[2]]).toEqual([PACKET.MARKER, MARKER.BREAK, MARKER.RESET]);
  expect([control?.type, control?.body.readUInt32BE(6)]).toEqual([PACKET.CONTROL, 12572]);
});

describe('the connect phase', () => {
  const connect = (data: string, inPacket: boolean): Packet => {
    const raw = Buffer.alloc(74 + (inPacket ? data.length : 0));
    raw.writeUInt16BE(raw.length, 0);
    raw[4] = PACKET.CONNECT;
    raw.writeUInt16BE(319, 8);
    raw.writeUInt16BE(data.length, 24);
    raw.writeUInt16BE(74, 26);
    raw.writeUInt32BE(8192, 58);
    if (inPacket) raw.write(data, 74, 'latin1');
    return { type: PACKET.CONNECT, flags: 0, body: raw.subarray(8), raw };
  };

  it('reads connect data within CONNECT, or knows that it follows', () => {
    const data = '(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME = ORDERS )(SERVER=pooled)))';
    expect(parseConnect(connect(data, true))).toMatchObject({ version: 319, sdu: 8192, data, dataFollows: false });
    expect(parseConnect(connect(data, false))).toMatchObject({ data: '', dataLength: data.length, dataFollows: true });
    expect(descriptorValue(data, 'service_name')).toBe('ORDERS');
    expect(descriptorValue(data, 'SID')).toBeUndefined();
  });

  it('accepts with what was agreed, and only that', () => {
    const accept = (endOfRequest: boolean, fastAuth: boolean) =>
      buildAccept({ version: 319, sdu: 8192, endOfRequest, fastAuth }).readUInt32BE(41);
    expect([accept(true, true), accept(true, false), accept(false, false)]).toEqual([0x1200_0000, 0x0200_0000, 0]);
    expect(buildAccept({ version: 312, sdu: 8192, endOfRequest: false, fastAuth: false })).toHaveLength(32);
  });

  it('refuses and redirects in the words of a listener', () => {
    const [refuse] = split(buildRefuse(12514), false);
    expect([refuse?.type, descriptorValue(refuse?.raw.toString('latin1') ?? '', 'ERR')]).toEqual([
      PACKET.REFUSE,
      '12514',
    ]);
    const [redirect] = split(buildRedirect('(ADDRESS=x)', '(DATA=y)'), false);
    expect([redirect?.type, redirect?.flags]).toEqual([PACKET.REDIRECT, 2]);
    expect(redirect?.body.toString('latin1', 2)).toBe('(ADDRESS=x)\0(DATA=y)');
  });
});

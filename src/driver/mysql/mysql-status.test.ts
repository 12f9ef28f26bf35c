import { describe, expect, it } from 'vitest';
import type { Mysql2Connection, Mysql2Packet } from './mysql-module.js';
import { SessionStatus } from './mysql-status.js';

const MORE_RESULTS = 0x0008;
const OUT_PARAMETERS = 0x1000;
const AUTOCOMMIT = 0x0002;

const packetOf = (...bytes: number[]): Mysql2Packet => {
  const buffer = Buffer.from([0, 0, 0, 1, ...bytes]);
  return { buffer, offset: 4, end: buffer.length, numPackets: 1 };
};
const eof = (flags: number): Mysql2Packet => packetOf(0xfe, 0, 0, flags & 0xff, flags >> 8);
const flagsOf = ({ buffer, offset }: Mysql2Packet): number => buffer.readUInt16LE(offset + 3);
const ROW = [0x00, 0x10, 5, 0, 0, 0, 4, 1, 2, 3, 4];
const ERROR = packetOf(0xff, 0x25, 0x05);

/** The flags of each EOF packet as mysql2 sees them. */
const seen = (packets: readonly Mysql2Packet[], look: (status: SessionStatus) => void = () => undefined): number[] => {
  const flags: number[] = [];
  const client = {
    handlePacket: (packet?: Mysql2Packet) => {
      if (packet?.buffer[packet.offset] === 0xfe) flags.push(flagsOf(packet));
      look(status);
    },
  } as Mysql2Connection;
  const status = new SessionStatus(client, () => undefined);
  status.beginSession();
  for (const packet of packets) client.handlePacket(packet);
  return flags;
};

describe('what comes behind OUT parameters', () => {
  const before = AUTOCOMMIT | MORE_RESULTS | OUT_PARAMETERS;

  it.each([
    ['MySQL, which does not announce it', AUTOCOMMIT, AUTOCOMMIT | MORE_RESULTS],
    ['MariaDB', before, before],
  ])('is announced to mysql2: %s', (_name, behind, expected) => {
    const places: boolean[] = [];
    const packets = [eof(before), packetOf(...ROW), eof(behind), eof(AUTOCOMMIT), packetOf(...ROW), eof(AUTOCOMMIT)];
    const flags = seen(packets, (status) => places.push(status.bringsOutParameters));
    expect(flags).toEqual([before, expected, AUTOCOMMIT, AUTOCOMMIT]);
    expect(places).toEqual([true, true, false, false, false, false]);
  });

  it('is nothing where an error came in their place', () => {
    expect(seen([eof(before), ERROR, eof(AUTOCOMMIT), eof(AUTOCOMMIT)])).toEqual([before, AUTOCOMMIT, AUTOCOMMIT]);
  });
});

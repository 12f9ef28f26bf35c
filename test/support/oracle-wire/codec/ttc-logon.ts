/**
 * The messages before the first call: PROTOCOL, DATA TYPES and the two AUTH calls, which a 23ai client sends as one
 * (FAST AUTH). The types of the client are mirrored: this server writes every type in the one representation there is.
 */
import type { LogonPair } from './o5logon.js';
import { CHARSET, MESSAGE } from './ttc-codes.js';
import type { Reader, Writer } from './wire.js';

export interface AuthCall {
  /** As it was sent: quoted, when its case matters. */
  readonly user: string;
  readonly pairs: ReadonlyMap<string, string>;
}

export function readAuth(reader: Reader): AuthCall {
  const hasUser = reader.u8() !== 0;
  const length = reader.ub4();
  reader.ub4(); // mode
  reader.u8();
  const count = reader.ub4();
  reader.skip(2);
  const user = hasUser && length > 0 ? reader.text() : '';
  const pairs = new Map<string, string>();
  while (pairs.size < count && reader.left > 0) {
    const { key, value } = reader.keyValue();
    pairs.set(key, value);
  }
  return { user, pairs };
}

export function writeAuthPairs(writer: Writer, pairs: readonly LogonPair[]): void {
  writer.u8(MESSAGE.PARAMETER).ub2(pairs.length);
  for (const [key, value, flags] of pairs) writer.keyValue(key, value, flags);
}

/** Behind the message's byte. */
export function skipProtocol(reader: Reader): void {
  reader.u8();
  while (reader.u8() !== 0); // versions
  reader.zeroEnded(); // the client's name
}

/** FDO: where the national character set stands is computed from two of its bytes, both 0 here. */
const FDO_BYTES = 11;
const NATIONAL_CHARSET_AT = 9;

export function writeProtocol(writer: Writer, banner: string, fieldVersion: number): void {
  writer
    .u8(MESSAGE.PROTOCOL)
    .u8(6)
    .u8(0)
    .raw(Buffer.from(`${banner}\0`, 'latin1'));
  writer.u16le(CHARSET.UTF8).u8(1).u16le(0);
  const fdo = Buffer.alloc(FDO_BYTES);
  fdo.writeUInt16BE(CHARSET.UTF16, NATIONAL_CHARSET_AT);
  writer.u16(FDO_BYTES).raw(fdo);
  writer.bytes(compileCapabilities(fieldVersion)).bytes(runtimeCapabilities());
}

/** Clients look at [7], the field version; all else says "nothing special". */
function compileCapabilities(fieldVersion: number): Buffer {
  const capabilities = Buffer.alloc(45);
  capabilities[0] = 6;
  capabilities[7] = fieldVersion;
  return capabilities;
}

/** [1]: the zone comes with the data types. [6]: strings of 32 KB. */
function runtimeCapabilities(): Buffer {
  return Buffer.from([2, 1, 0, 0, 0, 0, 0x04]);
}

export interface DataTypes {
  readonly capabilities: Buffer;
  readonly hasZone: boolean;
  readonly types: (readonly [type: number, conversion: number, representation: number])[];
}

const ZONE_BYTES = 11;

/** Behind the message's byte. */
export function readDataTypes(reader: Reader): DataTypes {
  reader.u16le();
  reader.u16le();
  reader.u8();
  const capabilities = Buffer.from(reader.bytes() ?? []);
  const runtime = Buffer.from(reader.bytes() ?? []);
  const hasZone = ((runtime[1] ?? 0) & 1) !== 0;
  if (hasZone) reader.skip(ZONE_BYTES);
  const types: DataTypes['types'][number][] = [];
  for (let type = reader.u16(); type !== 0; type = reader.u16()) {
    const conversion = reader.u16();
    types.push([type, conversion, conversion === 0 ? 0 : reader.u16()]);
    if (conversion !== 0) reader.u16();
  }
  return { capabilities, hasZone, types };
}

/** The database's zone, UTC, stands in front; without it the driver would ask for it by a query. */
export function writeDataTypes(writer: Writer, { types, hasZone }: DataTypes): void {
  writer.u8(MESSAGE.DATA_TYPES);
  if (hasZone)
    writer
      .u32(0x8000_0000)
      .raw(Buffer.from([60, 60, 60]))
      .u32(0x8000_0000);
  for (const [type, conversion, representation] of types) {
    writer.u16(type).u16(conversion);
    if (conversion !== 0) writer.u16(representation).u16(0);
  }
  writer.u16(0);
}

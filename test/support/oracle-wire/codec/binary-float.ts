/** BINARY_FLOAT and BINARY_DOUBLE: IEEE bytes with the sign bit turned, or all bits for negatives, so that they sort. */
export function encodeDouble(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return sortable(bytes);
}

export function decodeDouble(bytes: Uint8Array): number {
  return plain(bytes).readDoubleBE();
}

export function encodeFloat(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return sortable(bytes);
}

export function decodeFloat(bytes: Uint8Array): number {
  return plain(bytes).readFloatBE();
}

function sortable(bytes: Buffer): Buffer {
  return (bytes.readUInt8(0) & 0x80) === 0 ? turned(bytes, 0x80, 0) : turned(bytes, 0xff, 0xff);
}

function plain(source: Uint8Array): Buffer {
  const bytes = Buffer.from(source);
  return (bytes.readUInt8(0) & 0x80) === 0 ? turned(bytes, 0xff, 0xff) : turned(bytes, 0x80, 0);
}

function turned(bytes: Buffer, first: number, others: number): Buffer {
  for (const [index, byte] of bytes.entries()) bytes[index] = byte ^ (index === 0 ? first : others);
  return bytes;
}

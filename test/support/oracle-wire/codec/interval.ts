/** INTERVAL DAY TO SECOND (11 bytes) and YEAR TO MONTH (5): signed parts, each moved up so that its byte order is its order. */
export interface IntervalDS {
  days: number;
  hours: number;
  minutes: number;
  seconds: number;
  nanos: number;
}

export interface IntervalYM {
  years: number;
  months: number;
}

const LARGE_BIAS = 0x8000_0000;
const SMALL_BIAS = 60;

export function encodeIntervalDS(value: IntervalDS): Buffer {
  const bytes = Buffer.alloc(11);
  bytes.writeUInt32BE(LARGE_BIAS + value.days, 0);
  bytes[4] = value.hours + SMALL_BIAS;
  bytes[5] = value.minutes + SMALL_BIAS;
  bytes[6] = value.seconds + SMALL_BIAS;
  bytes.writeUInt32BE(LARGE_BIAS + value.nanos, 7);
  return bytes;
}

export function decodeIntervalDS(source: Uint8Array): IntervalDS {
  const bytes = Buffer.from(source);
  return {
    days: bytes.readUInt32BE(0) - LARGE_BIAS,
    hours: bytes.readUInt8(4) - SMALL_BIAS,
    minutes: bytes.readUInt8(5) - SMALL_BIAS,
    seconds: bytes.readUInt8(6) - SMALL_BIAS,
    nanos: bytes.readUInt32BE(7) - LARGE_BIAS,
  };
}

export function encodeIntervalYM(value: IntervalYM): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(LARGE_BIAS + value.years, 0);
  bytes[4] = value.months + SMALL_BIAS;
  return bytes;
}

export function decodeIntervalYM(source: Uint8Array): IntervalYM {
  const bytes = Buffer.from(source);
  return { years: bytes.readUInt32BE(0) - LARGE_BIAS, months: bytes.readUInt8(4) - SMALL_BIAS };
}

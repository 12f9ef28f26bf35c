/**
 * NUMBER: an exponent byte in excess 193 of base 100, then up to 20 base-100 digits, each one higher than its value.
 * Negative numbers are complemented (101 − digit) and, when shorter than 20 digits, closed by 102, so that the bytes
 * sort as the numbers do. Texts in and out: 38 digits do not fit a JavaScript number.
 */
const ZERO = 0x80;
const EXPONENT_BIAS = 192;
const MAX_DIGITS = 20;
const MAX_EXPONENT = 63;
const MIN_EXPONENT = -64;
const NEGATIVE_END = 102;

/** Throws a RangeError for what is no number or too large; what is too small is 0. */
export function encodeNumber(input: string | number | bigint): Buffer {
  const { negative, digits, exponent } = baseHundred(String(input));
  if (digits.length === 0 || exponent < MIN_EXPONENT) return Buffer.from([ZERO]);
  if (exponent > MAX_EXPONENT) throw new RangeError(`numeric overflow: ${String(input)}`);
  const head = negative ? ~(exponent + EXPONENT_BIAS) & 0xff : exponent + EXPONENT_BIAS;
  const body = digits.map((digit) => (negative ? 101 - digit : digit + 1));
  const end = negative && digits.length < MAX_DIGITS ? [NEGATIVE_END] : [];
  return Buffer.from([head, ...body, ...end]);
}

export function decodeNumber(bytes: Uint8Array): string {
  const head = bytes[0] ?? ZERO;
  const negative = (head & 0x80) === 0;
  if (bytes.length <= 1) return negative ? '-1e126' : '0';
  const exponent = (negative ? ~head & 0xff : head) - EXPONENT_BIAS;
  const end = negative && bytes[bytes.length - 1] === NEGATIVE_END ? bytes.length - 1 : bytes.length;
  let digits = '';
  for (const byte of bytes.subarray(1, end)) digits += String(negative ? 101 - byte : byte - 1).padStart(2, '0');
  return (negative ? '-' : '') + withPoint(digits, exponent * 2);
}

interface BaseHundred {
  readonly negative: boolean;
  readonly digits: number[];
  /** How many of the digits stand before the point. */
  readonly exponent: number;
}

function baseHundred(text: string): BaseHundred {
  const match = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?\s*$/.exec(text);
  const [, sign = '', whole = '', fraction = '', power = '0'] = match ?? [];
  if (match === null || whole + fraction === '') throw new RangeError(`not a number: ${text}`);
  const leading = /^0*/.exec(whole + fraction)?.[0].length ?? 0;
  let point = whole.length + Number(power) - leading;
  let decimal = (whole + fraction).slice(leading).replace(/0+$/, '');
  if (decimal === '') return { negative: false, digits: [], exponent: 0 };
  if (point % 2 !== 0) {
    decimal = `0${decimal}`;
    point += 1;
  }
  if (decimal.length % 2 !== 0) decimal += '0';
  const digits = (decimal.match(/../g) ?? []).slice(0, MAX_DIGITS).map(Number);
  while (digits.at(-1) === 0) digits.pop();
  return { negative: sign === '-', digits, exponent: point / 2 };
}

/** The digits with their point `point` places from the left, without zeros that say nothing. */
function withPoint(digits: string, point: number): string {
  if (point >= digits.length) return digits.padEnd(point, '0').replace(/^0+(?=\d)/, '');
  const whole = point <= 0 ? '0' : digits.slice(0, point).replace(/^0+(?=\d)/, '');
  const fraction = (point <= 0 ? '0'.repeat(-point) + digits : digits.slice(point)).replace(/0+$/, '');
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

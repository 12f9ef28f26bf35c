/** Whether a number written out in decimal survives as a JavaScript number. Used by the types of every database. */

/**
 * Whether the number, printed again, is the same value. Counting digits would not do: 15 of them always survive, most
 * of 16 do too, and a single one with 400 zeros behind it becomes Infinity.
 */
export function isExactAsNumber(value: string): boolean {
  const number = Number(value);
  if (Number.isFinite(number)) return decimalParts(value) === decimalParts(number.toExponential());
  return /^(NaN|-?Infinity)$/.test(value);
}

/** `-012.50`, `-1.25e+1` → `-125e1`: sign, significant digits and the exponent of the first of them. */
function decimalParts(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d*)\.?(\d*)(?:e([+-]\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`;
  const first = digits.search(/[1-9]/);
  if (first === -1) return '0';
  return `${sign}${digits.slice(first).replace(/0+$/, '')}e${Number(exponent) + whole.length - 1 - first}`;
}

/**
 * Secrets that no output may hold, one for each way in which one can come into the house, and the search for them: as they are, and in
 * every form in which something could write them.
 */

/** Long and unlike anything else, so that a hit is a leak. */
export const CANARY = {
  password: 'pw-Qz7Kx2mVw9Lt',
  wrongPassword: 'wp-Hj4Rn8sYc3Bd',
  token: 'tk-Fg6Wp1zUe5Xa',
  tlsKey: 'ky-Vb3Mq9kTo7Si',
  passphrase: 'pp-Lc8Dr4hNf2Ju',
  /** Bound. */
  text: 'bv-Zt5Gy1wPx8Ke',
  json: 'js-Ma2Vs7bQh4Ro',
  buffer: 'bf-Ni9Ck3lEz6Wd',
  element: 'ar-Ub7Tf5jOm1Xg',
  whole: 748_391_652,
  big: 7_405_926_531_842_915n,
  date: new Date(Date.UTC(1987, 2, 21, 4, 5, 6, 789)),
  /** Written into a statement. */
  literal: 'lt-Ws4Ep8vIa9Ql',
  /** Said by the database's own code. */
  raised: 'rs-Ox6Hy2cKd3Fn',
  /** In the options, where it does not belong. */
  option: 'op-Jr1Bz5tGu7Mv',
} as const;

export type CanaryName = keyof typeof CANARY;

const FORMS: readonly (readonly [CanaryName, readonly string[]])[] = (
  Object.entries(CANARY) as [CanaryName, (typeof CANARY)[CanaryName]][]
).map(([name, value]) => [name, formsOf(value)]);

/** Names of the canaries that are in `text`. */
export function canariesIn(text: string): CanaryName[] {
  const folded = text.toLowerCase();
  return FORMS.filter(([, forms]) => forms.some((form) => folded.includes(form))).map(([name]) => name);
}

/** Lower case: databases fold names. */
function formsOf(value: (typeof CANARY)[CanaryName]): string[] {
  if (value instanceof Date) return ['1987-03-21', '1987-03-20', '21-mar-87', '19870321', String(value.getTime())];
  if (typeof value !== 'string') {
    const digits = String(value);
    return [digits, digits.replace(/\B(?=(\d{3})+$)/g, ','), digits.replace(/\B(?=(\d{3})+$)/g, '_')];
  }
  const bytes = Buffer.from(value);
  const list = [...bytes].join(', ');
  const dump = bytes.toString('hex').replace(/(..)(?!$)/g, '$1 ');
  const base64 = bytes.toString('base64').replace(/=*$/, '');
  return [value.toLowerCase(), bytes.toString('hex'), list, dump, base64.toLowerCase()];
}

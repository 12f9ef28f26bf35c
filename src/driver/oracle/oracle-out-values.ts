/** What comes back of a bind, by its type: as a column of that type would come back, but for NUMBERs, which come as text. */
import type { OracleBindType } from './oracle-parameters.js';
import type { OraclePort } from './oracle-port.js';
import type { Decode } from '../raw-rows.js';
import { bigint, dayIntervalText, decimal, doesNotFit, yearIntervalText, zonelessDate } from './oracle-types.js';
import { readableDate } from './oracle-dates.js';
import { jsonReceived } from './oracle-json.js';
import type { OracleIntervalDS, OracleIntervalYM } from './oracle-module.js';

/** From a value that is not null. */
export function outDecoderOf(type: OracleBindType, port: Pick<OraclePort, 'types' | 'readsUtc'>): Decode {
  const { types } = port;
  switch (type) {
    case 'number': {
      const decode = decimal(types);
      return (raw) => decode(numberText(String(raw)));
    }
    case 'integer': {
      const decode = bigint(types);
      return (raw) => decode(integerText(numberText(String(raw))));
    }
    case 'date':
    case 'timestamp':
      return zonelessDate(port);
    case 'timestamp with time zone':
    case 'timestamp with local time zone':
      return (raw) => readableDate(raw as Date);
    case 'interval day to second':
      return (raw) => (typeof raw === 'string' ? raw : dayIntervalText(raw as OracleIntervalDS));
    case 'interval year to month':
      return (raw) => (typeof raw === 'string' ? raw : yearIntervalText(raw as OracleIntervalYM));
    case 'json':
      return (raw) => (types.json === 'string' ? JSON.stringify(jsonReceived(raw)) : jsonReceived(raw));
    default:
      return (raw) => raw;
  }
}

/**
 * A number as Oracle writes it (`.5`, `1.0E+125`; `,5` where the session's NLS_NUMERIC_CHARACTERS say so) → `0.5`, and all digits
 * before and behind the point.
 */
export function numberText(written: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d*)[.,]?(\d*)(?:E([+-]?\d+))?$/i.exec(written.trim()) ?? [];
  const digits = whole + fraction;
  // `~` and the like: infinities of NUMBER, which nobody can write.
  if (digits === '') return written;
  const point = whole.length + Number(exponent);
  const before = digits
    .slice(0, Math.max(point, 0))
    .padEnd(point, '0')
    .replace(/^0+(?=\d)/, '');
  const behind = (point < 0 ? '0'.repeat(-point) + digits : digits.slice(point)).replace(/0+$/, '');
  return `${sign}${before === '' ? '0' : before}${behind === '' ? '' : `.${behind}`}`;
}

function integerText(text: string): string {
  if (/^-?\d+$/.test(text)) return text;
  throw doesNotFit("a NUMBER that is no integer has come back in an out('integer'); use out('number')");
}

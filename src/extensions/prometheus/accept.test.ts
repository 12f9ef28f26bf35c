import { describe, expect, it } from 'vitest';
import { acceptsGzip, formatFor } from './accept.js';

const OPEN = 'application/openmetrics-text';

describe('the format of a scrape', () => {
  it.each([
    ['Prometheus 2', `${OPEN};version=1.0.0,${OPEN};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`],
    ['Prometheus 3', `${OPEN};version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2`],
    ['whoever names both', `text/plain, ${OPEN}`],
    ['whoever names no version', `${OPEN}; charset=utf-8`],
    ['whoever shouts and quotes', `APPLICATION/OPENMETRICS-TEXT; VERSION="1.0.0"; Q=0.9`],
  ])('is OpenMetrics for %s', (_, accept) => {
    expect(formatFor(accept)).toBe('openmetrics');
  });

  it.each([
    ['whoever says nothing', undefined],
    ['whoever says it with nothing', ''],
    ['curl', '*/*'],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
    ['whoever wants it more', `${OPEN};q=0.4,text/plain;q=0.5`],
    ['whoever wants any text more', `${OPEN};q=0.4,text/*;q=0.5`],
    ['whoever wants anything else more', `${OPEN};q=0.4,*/*;q=0.5`],
    ['whoever wants a version that is not ours', `${OPEN};version=0.0.1,text/plain;version=0.0.4;q=0.1`],
    ['whoever does not want OpenMetrics', `${OPEN};q=0,*/*;q=0.1`],
    ['whoever gives a weight that is none', `${OPEN};q=much`],
    ['whoever can take neither', 'image/png'],
    [
      'old Prometheus',
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;q=0.7,text/plain;q=0.3',
    ],
  ])('is plain text for %s', (_, accept) => {
    expect(formatFor(accept)).toBe('text');
  });
});

describe('compression', () => {
  it.each([
    ['gzip', true],
    ['deflate, gzip;q=0.5', true],
    ['*', true],
    ['gzip;q=0', false],
    ['*, gzip;q=0', false],
    ['identity', false],
    ['x-gzip-not', false],
    [undefined, false],
  ])('%s: %s', (accepted, is) => {
    expect(acceptsGzip(accepted)).toBe(is);
  });
});

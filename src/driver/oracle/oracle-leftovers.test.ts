import oracledb from 'oracledb';
import { describe, expect, it } from 'vitest';
import { OracleAttachments } from './oracle-attachments.js';
import { letGo } from './oracle-leftovers.js';
import type { OracleModule } from './oracle-module.js';

const module: OracleModule = oracledb as never;

describe('what nobody gets', () => {
  it('is closed, however deep it lies, and hangs on the session no more', () => {
    const closed: string[] = [];
    const attachments = new OracleAttachments({ run: (read) => read() });
    const attached = { detach: () => closed.push('attached') };
    attachments.add(attached);
    const native = Object.assign(Object.create(module.ResultSet.prototype as object) as object, {
      // As the library does with one that is closed already.
      close: () => Promise.reject(new Error(String(closed.push('result set')))),
    });
    const lob = Object.assign(Object.create(module.Lob.prototype as object) as object, {
      on: () => undefined,
      close: () => Promise.resolve(closed.push('lob')),
    });
    letGo({ module, attachments }, ['x', null, undefined, 1, {}, new Date(0), [[native], lob], attached]);
    expect([closed, attachments.isOpen]).toEqual([['result set', 'lob', 'attached'], false]);
  });
});

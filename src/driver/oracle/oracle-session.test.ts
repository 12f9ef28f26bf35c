/** What a session is told, what of it was changed, and what can be undone. */
import { describe, expect, it } from 'vitest';
import { SESSION_EFFECTS } from '../../sql/session-effects.js';
import { SessionChanges, setUpText, undoText } from './oracle-session.js';

const { settings, role, unknown, locks, temporary } = SESSION_EFFECTS;

describe('the settings of a session', () => {
  it('are one statement, in which formats are strings and words are words', () => {
    const text = setUpText(
      {
        nls_date_format: 'YYYY',
        isolation_level: 'serializable',
        time_zone: 'UTC',
        ddl_lock_timeout: 5,
        skip_unusable_indexes: false,
      },
      'SALES',
    );
    for (const part of [
      "nls_date_format = 'YYYY'",
      'isolation_level = serializable',
      "time_zone = 'UTC'",
      'ddl_lock_timeout = 5',
      'skip_unusable_indexes = false',
      'current_schema = SALES',
    ])
      expect(text).toContain(part);
    expect(setUpText({ time_zone: 'local', nls_currency: "O'x" }, 'Mixed Case')).toMatch(
      /time_zone = local .*nls_currency = 'O''x' current_schema = "Mixed Case"$/,
    );
  });

  it('are said again after a program in the same round trip', () => {
    expect(undoText(unknown, "alter session set a = 'x'")).toBe(
      "begin execute immediate 'alter session set a = ''x'''; dbms_session.modify_package_state(dbms_session.reinitialize); end;",
    );
    expect(undoText(settings, 'alter session set a = 1')).toBe('alter session set a = 1');
  });
});

describe('changes of a session', () => {
  const after = (...texts: string[]) => {
    const changes = new SessionChanges({ settings: { nls_sort: 'BINARY' }, schema: 'SALES' });
    for (const text of texts) {
      if (/^begin/.test(text)) changes.noteProgram(text);
      else changes.note(text);
    }
    return changes;
  };

  it.each([
    ['of our own settings', "alter session set NLS_SORT = 'a=b nls_x' current_schema=OTHER", settings],
    ['by a program that shows nothing', 'begin p; end;', unknown],
    ['of what is said again', "begin dbms_application_info.set_action('x'); end;", settings | unknown],
  ])('%s can be undone', (_case, text, left) => {
    expect(after(text).canUndo(left)).toBe(true);
  });

  it.each([
    ['of others', 'alter session set nls_sort = x nls_date_format = y', settings],
    ['of no parameter', 'alter session enable parallel dml', settings],
    ['by DBMS_SESSION', 'begin dbms_session.set_role(:1); end;', settings | unknown],
    ['of roles', 'set role none', role],
    ['that nobody has seen', 'begin p; end;', settings],
    ['of locks', 'begin p; end;', locks | unknown],
    ['of temporary tables', 'begin p; end;', temporary],
  ])('%s cannot', (_case, text, left) => {
    expect(after(text).canUndo(left)).toBe(false);
  });

  it('of the schema cannot be undone where the options name none', () => {
    const changes = new SessionChanges({ settings: {}, schema: undefined });
    changes.note('alter session set current_schema = other');
    expect(changes.canUndo(settings)).toBe(false);
  });

  it('are forgotten when they have been undone', () => {
    const changes = after('alter session set nls_date_format = y');
    changes.clear();
    changes.note('alter session set nls_sort = y');
    expect(changes.canUndo(settings)).toBe(true);
  });
});

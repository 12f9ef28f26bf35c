/** What a session is told, what of it was changed, and what can be undone. */
import { describe, expect, it } from 'vitest';
import { SESSION_EFFECTS } from '../../sql/session-effects.js';
import { SessionChanges, setUpText, undoText } from './oracle-session.js';
import { factsOf } from './oracle-transactions.js';

const { settings, unknown } = SESSION_EFFECTS;

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

  it('have quotes around a name that Oracle takes only so', () => {
    expect(setUpText({ _optimizer_use_feedback: false }, undefined)).toMatch(/ "_optimizer_use_feedback" = false$/);
  });

  it('are said again after a program in the same round trip', () => {
    expect(undoText(unknown, "alter session set a = 'x'")).toBe(
      "begin execute immediate 'alter session set a = ''x'''; dbms_session.modify_package_state(dbms_session.reinitialize); end;",
    );
    expect(undoText(settings, 'alter session set a = 1')).toBe('alter session set a = 1');
  });
});

describe('changes of a session', () => {
  const after = (text: string, schema: string | undefined = 'SALES') => {
    const changes = new SessionChanges({ settings: { nls_sort: 'BINARY' }, schema });
    changes.note(text, factsOf(text).kind);
    return changes;
  };

  it.each([
    ['of our own settings', "alter session set NLS_SORT = 'a=b nls_x' current_schema=OTHER"],
    ['of what every session is told', "alter session set time_zone = 'UTC'"],
    ['by a program that shows nothing', 'begin p; end;'],
    ['of what is said again', "begin dbms_application_info.set_action('x'); end;"],
    ['of nothing', 'select 1 from dual'],
    ['that only ask or wait', 'begin dbms_session.sleep(1); dbms_session.set_identifier(:1); end;'],
    ['of the database', 'create global temporary table t (a number)'],
    ['of the instance', "alter system kill session '7,1'"],
  ])('%s can be undone', (_case, text) => {
    expect(after(text).canUndo).toBe(true);
  });

  it.each([
    ['of others', 'alter session set nls_sort = x nls_date_format = y'],
    ['of no parameter', 'alter session enable parallel dml'],
    ['of a parameter in quotes', 'alter session set nls_sort = x "_optimizer_use_feedback" = false'],
    ['that are hard to read', 'alter session /* x */ set nls_sort = x'],
    ['by DBMS_SESSION', 'begin dbms_session.set_role(:1); end;'],
    ['by DBMS_SESSION in a query', 'select f(dbms_session . set_role(:1)) from dual'],
    ['of roles', 'set role none'],
    ['of locks', 'begin :1 := Dbms_Lock.request(7); end;'],
    ['of temporary tables', 'create private temporary table ora$ptt_t (a number)'],
  ])('%s cannot', (_case, text) => {
    expect(after(text).canUndo).toBe(false);
  });

  it('of the schema cannot be undone where the options name none', () => {
    const changes = new SessionChanges({ settings: {}, schema: undefined });
    changes.note('alter session set current_schema = other', 'session');
    expect(changes.canUndo).toBe(false);
  });

  it('are forgotten when they have been undone', () => {
    const changes = after('alter session set nls_date_format = y');
    changes.clear();
    expect(changes.canUndo).toBe(true);
  });
});

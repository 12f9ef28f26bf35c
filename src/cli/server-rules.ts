/** What would go wrong at the server: its role, rights of the session, settings that lose data or change it. Pure. */
import type { Rule } from './finding.js';
import { formatBytes, formatCount, formatMs } from './format.js';

const readOnly: Rule = ({ server: { role, isReadOnly } }) => {
  if (role === 'replica') {
    return {
      ...{
        level: 'warning',
        rule: 'read-only',
        text: 'this is a replica: every write is refused, and what is read may be old',
      },
      advice: 'connect to the primary (on PostgreSQL: name all hosts), unless it is only for reading',
    };
  }
  if (isReadOnly !== true)
    return role === undefined ? undefined : { level: 'ok', rule: 'read-only', text: 'a primary that takes writes' };
  return {
    ...{
      level: 'warning',
      rule: 'read-only',
      text: 'the server or this user is set to read-only: every write is refused',
    },
    advice: 'look at read_only, default_transaction_read_only or the open mode of the database',
  };
};

const superuser: Rule = ({ server: { isSuperuser }, isEmbedded }) => {
  if (isSuperuser !== true || isEmbedded) return undefined;
  return {
    ...{
      level: 'note',
      rule: 'superuser',
      text: 'the user is a superuser: an injected statement can do everything, files of the server included',
    },
    advice: 'give the service a role that owns, or may use, its own schema only',
  };
};

const cancel: Rule = ({ server: { cancel: ability }, isEmbedded }) => {
  if (ability?.can === undefined) return undefined;
  if (ability.can)
    return {
      level: 'ok',
      rule: 'cancel',
      text: `a running statement can be stopped${ability.because === undefined ? '' : ` (${ability.because})`}`,
    };
  return {
    ...{
      level: isEmbedded ? 'note' : 'warning',
      rule: 'cancel',
      text: `a running statement cannot be stopped: ${ability.because ?? 'refused'}`,
    },
    advice: isEmbedded
      ? 'keep statements short: while one runs, nothing else in this process does'
      : 'a statement that runs out of time goes on at the server: give the server a limit of its own',
  };
};

const outcomes: Rule = ({ server: { outcomes: ability }, plan }) => {
  if (ability?.can === undefined) return undefined;
  if (ability.can)
    return {
      level: 'ok',
      rule: 'outcomes',
      text: 'what became of a lost COMMIT can be found out (query.resolveOutcome)',
    };
  return {
    ...{ level: plan.resolvesOutcomes ? 'problem' : 'note', rule: 'outcomes' },
    text: `what became of a lost COMMIT cannot be found out: ${ability.because ?? 'refused'}`,
    advice: plan.resolvesOutcomes
      ? 'query.resolveOutcome is on and would find out nothing: see docs/guide/transactions.md'
      : 'make transactions safe to repeat: see docs/guide/transactions.md',
  };
};

const clock: Rule = ({ server: { clockSkewMs }, latency, isEmbedded }) => {
  if (clockSkewMs === undefined || isEmbedded) return undefined;
  const skew = Math.abs(clockSkewMs);
  if (skew < 1_000 + (latency.rounds?.maxMs ?? 0))
    return { level: 'ok', rule: 'clock', text: 'the clocks agree to within a second' };
  return {
    ...{ level: skew < 60_000 ? 'note' : 'warning', rule: 'clock' },
    text: `the server's clock is ${formatMs(skew / 1_000)} s ${clockSkewMs > 0 ? 'ahead of' : 'behind'} the one here`,
    advice: 'keep both by NTP; times written by one and compared by the other will be wrong',
  };
};

/** By names that cover all of Unicode. */
const WHOLE_UNICODE = /^(utf-?8|utf8mb4|al32utf8|unicode)/i;

const encoding: Rule = ({ server: { encoding: name } }) => {
  if (name === undefined) return undefined;
  if (WHOLE_UNICODE.test(name) && !/^utf8(mb3)?$/.test(name))
    return { level: 'ok', rule: 'encoding', text: `the database stores ${name}` };
  return {
    ...{ level: 'warning', rule: 'encoding', text: `the database stores ${name}: not every character can be kept` },
    advice: 'make databases with UTF8, utf8mb4 or AL32UTF8',
  };
};

const commits: Rule = ({ server: { losesCommits }, isEmbedded }) => {
  // What runs in this process syncs to its folder in ways of its own.
  if (isEmbedded || losesCommits === undefined || losesCommits.length === 0) return undefined;
  const isRuinous = losesCommits.some((text) => /^(fsync|full_page_writes)/.test(text));
  return {
    ...{ level: 'warning', rule: 'durability' },
    text: `${losesCommits.join(', ')}: ${isRuinous ? 'a crash can ruin the database' : 'a crash can lose commits that were confirmed'}`,
    advice: 'set it back, unless what is in there may be lost',
  };
};

const strictness: Rule = ({ server: { sqlMode } }) => {
  if (sqlMode === undefined) return undefined;
  if (/STRICT_(TRANS|ALL)_TABLES|TRADITIONAL/.test(sqlMode))
    return { level: 'ok', rule: 'sql-mode', text: 'sql_mode is strict' };
  return {
    ...{
      level: 'warning',
      rule: 'sql-mode',
      text: 'sql_mode is not strict: what does not fit is cut off or set to zero without an error',
    },
    advice: 'add STRICT_TRANS_TABLES to sql_mode',
  };
};

const packet: Rule = ({ server: { maxPacketBytes } }) => {
  if (maxPacketBytes === undefined || maxPacketBytes >= 16 * 1024 ** 2) return undefined;
  return {
    ...{ level: maxPacketBytes < 4 * 1024 ** 2 ? 'warning' : 'note', rule: 'packet' },
    text: `max_allowed_packet is ${formatBytes(maxPacketBytes)}: larger statements and values are refused, and the connection is lost`,
    advice: 'raise it to 64 MiB, or keep batches and values below it',
  };
};

const binlog: Rule = ({ server: { hasBinlog, hasGtid } }) => {
  if (hasBinlog === undefined) return undefined;
  if (!hasBinlog) {
    const text = 'there is no binary log: no replica, and no recovery to a moment';
    return { level: 'note', rule: 'binlog', text, advice: 'turn log_bin on where the data matters' };
  }
  if (hasGtid !== false) return { level: 'ok', rule: 'binlog', text: 'a binary log with GTIDs' };
  const text = 'a binary log without GTIDs: replicas are harder to move, and reads cannot wait for writes';
  return { level: 'note', rule: 'binlog', text, advice: 'set gtid_mode to ON' };
};

const unread: Rule = ({ server: { unread: questions } }) => {
  if (questions === undefined || questions.length === 0) return undefined;
  const text = `${formatCount(questions.length)} ${questions.length === 1 ? 'question was' : 'questions were'} refused: ${questions.join(', ')}`;
  return { level: 'note', rule: 'unread', text };
};

export const SERVER_RULES: readonly Rule[] = [
  readOnly,
  superuser,
  cancel,
  outcomes,
  clock,
  encoding,
  commits,
  strictness,
  packet,
  binlog,
  unread,
];

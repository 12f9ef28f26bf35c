/** What would go wrong between the pool of a runtime and the limits of its server. Pure. */
import type { Rule } from './finding.js';
import { formatCount, formatLength } from './format.js';

/** The pools together against what the server, the user and the others leave. Behind a pooler it is the pooler's limit that counts. */
const room: Rule = ({ server, plan, isEmbedded }) => {
  if (isEmbedded || server.isPooled === true) return undefined;
  const { maxConnections, reservedConnections = 0, userConnections, otherConnections } = server;
  const wanted = plan.maxSize * plan.instances;
  const asked = `pool.maxSize ${formatCount(plan.maxSize)}${plan.instances === 1 ? '' : ` × ${formatCount(plan.instances)} instances = ${formatCount(wanted)}`}`;
  const advice =
    'make the pool smaller, or put a pooler in between; the last ones would be refused when they are needed most';
  if (userConnections !== undefined && wanted > userConnections) {
    const text = `${asked} is more than the ${formatCount(userConnections)} connections that this user or database may have`;
    return { level: 'problem', rule: 'pool-too-large', text, advice };
  }
  if (maxConnections === undefined) return undefined;
  const most = maxConnections - reservedConnections;
  const limit = `${formatCount(most)} of the server${reservedConnections > 0 ? ` (max_connections ${formatCount(maxConnections)}, ${formatCount(reservedConnections)} reserved)` : ''}`;
  if (wanted > most)
    return { level: 'problem', rule: 'pool-too-large', text: `${asked} is more than the ${limit}`, advice };
  if (otherConnections !== undefined && wanted + otherConnections > most) {
    const text = `${asked} and the ${formatCount(otherConnections)} connections that are open now are more than the ${limit}`;
    return {
      level: 'warning',
      rule: 'pool-crowded',
      text,
      advice: `${advice}. Those that are open may be this service's own`,
    };
  }
  return { level: 'ok', rule: 'pool-fits', text: `${asked} fits into the ${limit}` };
};

const nearlyFull: Rule = ({ server: { maxConnections, otherConnections } }) => {
  if (maxConnections === undefined || otherConnections === undefined || otherConnections < maxConnections * 0.9)
    return undefined;
  return {
    ...{ level: 'warning', rule: 'server-crowded' },
    text: `${formatCount(otherConnections)} of ${formatCount(maxConnections)} connections of the server are taken`,
    advice: 'find out who holds them (fluxor top), before the next one is refused',
  };
};

/** The server closes what the pool believes to be open: not what a pooler keeps. */
const idle: Rule = ({ server: { idleTimeoutMs = 0, isPooled }, plan }) => {
  if (idleTimeoutMs === 0 || isPooled === true) return undefined;
  // The last minIdle of them stay for ever.
  const isClosed = plan.minIdle === 0;
  const kept = Math.min(isClosed ? plan.idleTimeoutMs : Infinity, plan.keepaliveMs);
  if (kept < idleTimeoutMs) {
    const text = `the server ends idle sessions after ${formatLength(idleTimeoutMs)}; the pool closes or wakes them before (${formatLength(kept)})`;
    return { level: 'ok', rule: 'idle-timeout', text };
  }
  return {
    ...{ level: 'warning', rule: 'idle-timeout' },
    text: `the server ends idle sessions after ${formatLength(idleTimeoutMs)}, and the pool keeps them ${kept === Infinity ? 'for ever' : `for ${formatLength(kept)}`}: it will lend dead ones`,
    advice: `set pool.keepalive${isClosed ? ' or pool.idleTimeout' : ''} below ${formatLength(idleTimeoutMs)}`,
  };
};

const statementTimeout: Rule = ({ server: { statementTimeoutMs = 0 }, plan }) => {
  if (statementTimeoutMs === 0 || statementTimeoutMs >= plan.queryTimeoutMs) return undefined;
  return {
    ...{ level: 'note', rule: 'statement-timeout' },
    text: `the server stops statements after ${formatLength(statementTimeoutMs)}, before query.timeout (${formatLength(plan.queryTimeoutMs)}) does`,
    advice: 'set query.timeout below it, so that the error says who waited for what',
  };
};

const pooler: Rule = ({ server: { isPooled }, plan }) => {
  if (isPooled !== true) return undefined;
  const without = plan.preparesStatements ? 'no prepared statements, ' : '';
  return {
    ...{ level: 'note', rule: 'pooler' },
    text: `a pooler in transaction mode is in between: ${without}no session settings, no LISTEN, no pipelining`,
    advice: 'connect directly for what needs a session of its own, such as migrations and LISTEN',
  };
};

const prepare: Rule = ({ server: { prepare: ability, isPooled }, plan }) => {
  if (ability?.can !== false || isPooled === true || !plan.preparesStatements) return undefined;
  return {
    ...{ level: 'warning', rule: 'prepare', text: `statements cannot be prepared: ${ability.because ?? 'refused'}` },
    advice: 'raise the limit at the server, or set query.statementCache lower, or to false',
  };
};

export const POOL_RULES: readonly Rule[] = [room, nearlyFull, idle, statementTimeout, pooler, prepare];

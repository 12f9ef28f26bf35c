/** The door `fluxor-db/testing`: what tests of code on top of Fluxor-DB need. Re-exports only. */
export { FakeClock, fakeClock } from './fake-clock.js';
export type { FakeClockOptions, PendingTimer } from './fake-clock.js';
export { TcpProxy, startTcpProxy } from './tcp-proxy.js';
export type { DropRepliesOptions, TcpProxyMode, TcpProxyOptions } from './tcp-proxy.js';
export type { LostReplyEnd } from './tcp-link.js';
export type { ProxyTrap } from './tcp-traps.js';

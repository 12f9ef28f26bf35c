/** Ours with a connection limit below the pool's size: calls wait in the limiter's own line, which the defaults leave out. */
import { fluxor } from './fluxor.js';
import type { GuardPeer } from './guarded.js';
import { CONNECTIONS } from './guarded.js';

export const peer: GuardPeer = fluxor('fluxor-limited', CONNECTIONS + 1);

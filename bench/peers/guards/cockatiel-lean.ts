/** cockatiel without `abortOnReturn`, its dearest default: what somebody would set who has looked at a profile. */
import { makePeer } from './cockatiel.js';

export const peer = makePeer('cockatiel-lean', 'timeout aggressive, abortOnReturn false', false);

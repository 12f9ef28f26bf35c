/** A way to a driver's answer, as the bench of growth sees it. */
import type { FakeServer } from '../guards/fake-server.js';

/** One runtime. */
export interface CallPath {
  call(id: number): Promise<readonly { readonly id: number }[]>;
}

export interface GrowthPeer {
  readonly name: string;
  readonly version: string;
  readonly settings: string;
  readonly lacks: string;
  /** Has opened every connection when it answers. */
  open(server: FakeServer, connections: number): Promise<CallPath>;
}

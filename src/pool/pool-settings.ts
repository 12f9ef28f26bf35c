/** The pool's numbers as they are now. Whoever reads them here sees a reconfiguration at once; nobody keeps a copy. */
import type { PoolConfig } from './pool-options.js';

export class PoolSettings {
  /** Replaced as a whole by `Pool.reconfigure`; each configuration itself is frozen. */
  current: PoolConfig;

  constructor(config: PoolConfig) {
    this.current = config;
  }
}

/** Whether somebody listens on a port of 127.0.0.1. */
import { connect } from 'node:net';

/** A paused server counts: the kernel accepts for it. */
export function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy());
}

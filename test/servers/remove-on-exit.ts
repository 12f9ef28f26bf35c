/**
 * What makes sure that no server outlives the run that started it, however the run ends. An ordinary exit and a signal
 * remove what is registered here; for a run that is killed (SIGKILL by a CI's time limit) a watchman, a small shell
 * process, sees its pipe close and cleans up. Used by the server helpers.
 * Invariant: after a server has been removed in order, nothing of it is registered and its watchman is gone.
 */
import { spawn } from 'node:child_process';

/** What can clean up without waiting. */
export interface Removable {
  removeSync(): void;
}

const registered = new Set<Removable>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Removes the server when the process exits or is told to; the answer takes it off the list again. */
export function removeOnExit(server: Removable): () => void {
  if (registered.size === 0) listen();
  registered.add(server);
  return () => {
    registered.delete(server);
    if (registered.size === 0) stopListening();
  };
}

/** Without ceremony: one that removes its lock file when it goes gets QUIT, one that has nothing to put in order gets KILL. */
export type EndSignal = 'QUIT' | 'KILL';

/**
 * Starts the watchman of one folder: when this process is gone without having called the answer, it ends the process
 * whose id is the first line of `pidFile` and removes the folder.
 */
export function watchOver(folder: string, pidFile: string, signal: EndSignal): () => void {
  const stdio = ['pipe', 'ignore', 'ignore'] as const;
  const watchman = spawn('/bin/sh', ['-c', WATCHMAN, 'watchman', folder, pidFile, signal], {
    detached: true,
    stdio: [...stdio],
  });
  watchman.on('error', () => undefined);
  watchman.stdin?.on('error', () => undefined);
  watchman.unref();
  // An open pipe would hold the process open; its type doesn't say that it is a socket.
  (watchman.stdin as unknown as { unref?: () => void }).unref?.();
  return () => watchman.stdin?.end('done\n');
}

/**
 * SIGCONT first: a paused server would not hear of its end. The lock file goes when the server has ended; asking the
 * process table instead would wait for zombies. A server whose sessions are still paused takes five seconds.
 */
const WATCHMAN = `
trap '' INT TERM HUP
read -r word
[ "$word" = done ] && exit 0
pid=$(head -n 1 "$2" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -CONT "$pid"
  kill "-$3" "$pid"
  [ "$3" = KILL ] && rm -f "$2"
  tenths=0
  while [ -e "$2" ] && [ $tenths -lt 70 ]; do
    sleep 0.1
    tenths=$((tenths + 1))
  done
  [ -e "$2" ] && kill -KILL "$pid"
fi
rm -rf "$1"
`;

function removeAll(): void {
  for (const server of registered) server.removeSync();
}

function onSignal(signal: NodeJS.Signals): void {
  removeAll();
  stopListening();
  // With nobody else listening, the signal does again what it would have done without us: end the process.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function listen(): void {
  process.on('exit', removeAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function stopListening(): void {
  process.off('exit', removeAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

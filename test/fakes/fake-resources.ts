/**
 * What a pool lends in tests: plain objects, and a factory whose every act can be told to work, fail, take its time or
 * never end. It notes what was asked of it, and complains when something is asked of a resource that was destroyed.
 */
import { ConnectionError } from '../../src/errors/connection-error.js';
import type { FluxorError } from '../../src/errors/fluxor-error.js';
import type { Clock, Timer } from '../../src/kernel/clock.js';
import type {
  Condition,
  CreateRequest,
  ResourceFacts,
  ResourceFactory,
  SiblingVerdict,
} from '../../src/pool/resource-factory.js';

export interface FakeAct {
  readonly end: 'ok' | 'error' | 'never';
  /** Virtual milliseconds before the end. Default 0: in the same turn. */
  readonly afterMs?: number;
  readonly error?: FluxorError;
  /** For `create`: does not hear the abort of its signal, and brings its resource whenever it is ready. */
  readonly isDeaf?: boolean;
  /** For `create`: the resource breaks in the moment it is made. */
  readonly isStillborn?: boolean;
}

export type FakeVerb = 'create' | 'validate' | 'reset' | 'close';

export const OK: FakeAct = { end: 'ok' };
export const NEVER: FakeAct = { end: 'never' };
export const FAILS: FakeAct = { end: 'error' };
export const slow = (afterMs: number): FakeAct => ({ end: 'ok', afterMs });

export const refused = (text = 'connect ECONNREFUSED'): ConnectionError =>
  new ConnectionError('refused', text, { decision: 'new-connection', breaker: 'failure' });
export const wrongPassword = (): ConnectionError =>
  new ConnectionError('credentials', 'password refused', { code: 'AUTH', decision: 'never' });

export class FakeResource {
  readonly id: number;
  condition: Condition = 'clean';
  isDestroyed = false;
  isBusy = false;
  /** Whether a statement may join those in flight on it. */
  isShareable = true;
  /** When it began to be so without an end of a lease: a pool need not have noticed yet. Negative for long ago. */
  shareableAt = -1;
  /** When it was last seen alive: made, validated, reset; a use is noted by whoever ends it. */
  provenAt = 0;
  /** What reports say about it. */
  facts: ResourceFacts = {};
  /** What the factory still does with it. */
  readonly timers = new Map<Timer, (error: Error) => void>();
  readonly #request: CreateRequest;

  constructor(request: CreateRequest) {
    this.id = request.id;
    this.#request = request;
  }

  /** Breaks by itself, and says so. */
  break(): void {
    if (this.condition === 'broken') return;
    this.condition = 'broken';
    this.#request.onLost(new ConnectionError('lost', 'terminated by the server', { decision: 'new-connection' }));
  }

  /** An error of this one says something about all the others. */
  doubtSiblings(verdict: SiblingVerdict): void {
    this.#request.onSiblings(verdict, refused('the server is no longer the writer'));
  }

  /** It was made with fresh credentials, after others had been refused. */
  rotate(): void {
    this.#request.onRotated();
  }
}

export class FakeResources implements ResourceFactory<FakeResource> {
  readonly label = 'fake://database';
  /** Every act asked for: `create 1`, `validate 1`, …, in order. */
  readonly log: string[] = [];
  readonly made: FakeResource[] = [];
  /** What should never have been asked. */
  readonly misuse: string[] = [];
  /** How each act goes from now on. */
  readonly acts: Record<FakeVerb, FakeAct> = { create: OK, validate: OK, reset: OK, close: OK };
  /** How the next ones go, before `acts` holds again. */
  readonly next: Record<FakeVerb, FakeAct[]> = { create: [], validate: [], reset: [], close: [] };
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Made and not destroyed: what would be an open socket. */
  get alive(): number {
    return this.made.filter((resource) => !resource.isDestroyed).length;
  }

  count(verb: FakeVerb | 'destroy'): number {
    return this.log.filter((line) => line.startsWith(`${verb} `)).length;
  }

  create(request: CreateRequest): Promise<FakeResource> {
    const act = this.#begin('create', request.id);
    return new Promise((resolve, reject) => {
      const finish = () => {
        if (act.end === 'error') return reject(act.error ?? refused());
        const resource = new FakeResource(request);
        resource.provenAt = this.#clock.now();
        this.made.push(resource);
        if (act.isStillborn === true) resource.break();
        resolve(resource);
      };
      const timer = act.end === 'never' ? undefined : this.#after(act, finish);
      if (act.isDeaf === true) return;
      const giveUp = () => {
        timer?.cancel();
        reject(refused('given up'));
      };
      request.signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  condition(resource: FakeResource): Condition {
    return resource.condition;
  }

  isBusy(resource: FakeResource): boolean {
    return resource.isBusy;
  }

  canShare(resource: FakeResource): boolean {
    return resource.isShareable && resource.condition === 'clean';
  }

  validate(resource: FakeResource): Promise<void> {
    return this.#do('validate', resource, () => undefined);
  }

  reset(resource: FakeResource): Promise<void> {
    return this.#do('reset', resource, () => {
      if (resource.condition === 'dirty') resource.condition = 'clean';
    });
  }

  close(resource: FakeResource): Promise<void> {
    return this.#do('close', resource, () => {
      resource.condition = 'broken';
    });
  }

  destroy(resource: FakeResource): void {
    this.log.push(`destroy ${resource.id}`);
    if (resource.isDestroyed) this.misuse.push(`destroy ${resource.id} twice`);
    resource.isDestroyed = true;
    resource.condition = 'broken';
    for (const [timer, reject] of resource.timers) {
      timer.cancel();
      reject(new Error('destroyed'));
    }
    resource.timers.clear();
  }

  describe(resource: FakeResource): ResourceFacts {
    return resource.facts;
  }

  #do(verb: FakeVerb, resource: FakeResource, onOk: () => void): Promise<void> {
    const act = this.#begin(verb, resource.id);
    if (resource.isDestroyed) this.misuse.push(`${verb} ${resource.id} after its end`);
    if (act.end === 'never') return new Promise(() => undefined);
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined = undefined;
      // Called within `#after` itself when the act takes no time.
      const finish = () => {
        if (timer !== undefined) resource.timers.delete(timer);
        if (act.end === 'error') return reject(act.error ?? new Error(`${verb} said no`));
        resource.provenAt = this.#clock.now();
        onOk();
        resolve();
      };
      timer = this.#after(act, finish);
      if (timer !== undefined) resource.timers.set(timer, reject);
    });
  }

  #begin(verb: FakeVerb, id: number): FakeAct {
    this.log.push(`${verb} ${id}`);
    return this.next[verb].shift() ?? this.acts[verb];
  }

  #after(act: FakeAct, finish: () => void): Timer | undefined {
    if (act.afterMs !== undefined) return this.#clock.setTimer(act.afterMs, finish);
    finish();
    return undefined;
  }
}

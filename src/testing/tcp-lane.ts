/**
 * One direction of a link: takes what one socket receives and hands it on, in order, at the time the weather allows.
 * Invariant: a held or slow lane stops reading, so the peer's own buffers fill up and it feels the back-pressure a real
 * network would give; at most about 1 MiB waits here.
 */
import type { Socket } from 'node:net';

/** What the path is like at the moment: one object, shared by all links of a proxy. */
export interface Weather {
  /** Nothing moves while it is true. */
  isBlackHole: boolean;
  /** How long each chunk is under way, in milliseconds. */
  delayMs: number;
}

/** A chunk under way; `undefined` stands for the end of the stream, which must not overtake the bytes before it. */
interface Parcel {
  readonly chunk: Buffer | undefined;
  readonly dueAt: number;
}

/** What becomes of things whose time has come. */
export interface LaneEnds {
  onDue(chunk: Buffer): void;
  onEnd(): void;
}

const MAX_WAITING_BYTES = 1024 * 1024;

export class TcpLane {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #weather: Weather;
  readonly #ends: LaneEnds;
  readonly #parcels: Parcel[] = [];
  #waitingBytes = 0;
  #isSinkFull = false;
  #isDiscarding = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  /** `ends` decides what becomes of a chunk whose time has come; `handOn` is one answer. */
  constructor(source: Socket, sink: Socket, weather: Weather, ends: LaneEnds) {
    this.#source = source;
    this.#sink = sink;
    this.#weather = weather;
    this.#ends = ends;
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => this.#take(undefined));
    source.once('close', (hadError: boolean) => hadError && this.stop());
    sink.on('drain', () => this.#sinkDrained());
    this.pump();
  }

  /** Gives a chunk to the sink. */
  handOn(chunk: Buffer): void {
    if (this.#sink.writable && !this.#sink.write(chunk)) this.#isSinkFull = true;
  }

  /** Moves what may move, and reads on or stops reading accordingly. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    if (!this.#weather.isBlackHole) this.#deliver();
    const isHeld = this.#weather.isBlackHole || this.#isSinkFull || this.#waitingBytes > MAX_WAITING_BYTES;
    if (isHeld && !this.#isDiscarding) this.#source.pause();
    else this.#source.resume();
  }

  /** Reads on, but throws everything away: the sink has been given its end. */
  discard(): void {
    this.#isDiscarding = true;
    this.#forget();
    this.#source.resume();
  }

  /** Hands nothing on any more and reads nothing any more. */
  stop(): void {
    this.#isStopped = true;
    this.#forget();
    this.#source.pause();
  }

  #take(chunk: Buffer | undefined): void {
    if (this.#isDiscarding || this.#isStopped) return;
    this.#parcels.push({ chunk, dueAt: performance.now() + this.#weather.delayMs });
    this.#waitingBytes += chunk?.length ?? 0;
    this.pump();
  }

  #deliver(): void {
    while (!this.#isSinkFull) {
      const next = this.#parcels[0];
      if (next === undefined) return;
      const wait = next.dueAt - performance.now();
      // Rounded up: Node's timers may come up to a millisecond early, and a delay promises "not before".
      if (wait > 0) return this.#pumpIn(Math.ceil(wait));
      this.#parcels.shift();
      this.#waitingBytes -= next.chunk?.length ?? 0;
      if (next.chunk === undefined) this.#ends.onEnd();
      else this.#ends.onDue(next.chunk);
    }
  }

  #pumpIn(ms: number): void {
    this.#timer = setTimeout(() => this.pump(), ms);
  }

  #sinkDrained(): void {
    this.#isSinkFull = false;
    this.pump();
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#parcels.length = 0;
    this.#waitingBytes = 0;
  }
}

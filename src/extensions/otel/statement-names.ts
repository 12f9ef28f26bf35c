/**
 * What a statement is called, and what is told of it when its span begins, so that samplers can see it. Remembered by its text.
 * Invariants: at most 2,000 texts are remembered, none of more than 10 KiB; no bind value, and no literal but of a text whose
 * values travel apart from it.
 */
import type { Attributes } from '@opentelemetry/api';
import type { QueryTrace } from '../../index.js';
import { fingerprint, summarise } from '../../index.js';
import type { CaptureText } from './otel-options.js';
import {
  DB_OPERATION_BATCH_SIZE,
  DB_QUERY_SUMMARY,
  DB_QUERY_TEXT,
  DB_STORED_PROCEDURE_NAME,
  QUERY_NAME,
} from './semconv.js';
import type { Target } from './target.js';

export interface SpanStart {
  readonly name: string;
  readonly attributes: Attributes;
}

const GENERATION = 1_000;
const MAX_REMEMBERED_LENGTH = 10_240;
/** A text is for people. */
const MAX_TEXT_LENGTH = 4_096;

interface Known {
  readonly summary: string;
  /** With values that travel apart, and without. */
  readonly bound: SpanStart;
  readonly bare: SpanStart;
}

export class StatementNames {
  readonly #target: Target;
  readonly #captureText: CaptureText;
  #young = new Map<string, Known>();
  #old = new Map<string, Known>();

  constructor(target: Target, captureText: CaptureText) {
    this.#target = target;
    this.#captureText = captureText;
  }

  of(trace: QueryTrace): SpanStart {
    const known = this.#knownOf(trace.text);
    const start = trace.hasValues ? known.bound : known.bare;
    const { batchSize, name } = trace;
    // Of sets that come one by one, the number is told at the end. One set is no batch.
    const isBatch = this.isBatch(trace);
    if (!isBatch && name === undefined) return start;
    const attributes = { ...start.attributes };
    if (name !== undefined) attributes[QUERY_NAME] = name;
    if (!isBatch) return { name: start.name, attributes };
    const summary = `BATCH ${known.summary}`.trimEnd();
    if (known.summary !== '') attributes[DB_QUERY_SUMMARY] = summary;
    if (batchSize !== undefined) attributes[DB_OPERATION_BATCH_SIZE] = batchSize;
    return { name: summary, attributes };
  }

  isBatch({ batchSize, isBatch }: QueryTrace): boolean {
    return isBatch && batchSize !== 1;
  }

  #knownOf(text: string): Known {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const known = this.#old.get(text) ?? this.#read(text);
    if (text.length > MAX_REMEMBERED_LENGTH) return known;
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, known);
    return known;
  }

  #read(text: string): Known {
    const { dialect, attributes: ofTarget, fallbackName } = this.#target;
    const summary = summarise(dialect, text);
    const procedure = /^call (\S+)$/i.exec(summary)?.[1];
    const about = {
      ...ofTarget,
      ...(summary === '' ? {} : { [DB_QUERY_SUMMARY]: summary }),
      ...(procedure === undefined ? {} : { [DB_STORED_PROCEDURE_NAME]: procedure }),
    };
    const start = (shown: string | undefined): SpanStart => ({
      name: summary === '' ? fallbackName : summary,
      attributes: Object.freeze(shown === undefined ? about : { ...about, [DB_QUERY_TEXT]: cut(shown) }),
    });
    if (this.#captureText === 'off') return { summary, bound: start(undefined), bare: start(undefined) };
    const bare = start(fingerprint(dialect, text));
    return { summary, bare, bound: this.#captureText === 'parameterized' ? start(text) : bare };
  }
}

function cut(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH - 1)}…` : text;
}

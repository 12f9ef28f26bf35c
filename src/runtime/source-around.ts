/** A source of rows around another one, which changes the pages on their way and nothing else. */
import type { Field } from '../driver/query.js';
import type { RowPage, RowSource } from './row-stream.js';

export abstract class SourceAround implements RowSource {
  protected readonly inner: RowSource;

  constructor(inner: RowSource) {
    this.inner = inner;
  }

  get fields(): readonly Field[] {
    return this.inner.fields;
  }

  get isStopped(): boolean {
    return this.inner.isStopped;
  }

  abstract read(): Promise<RowPage>;

  close(): Promise<void> {
    return this.inner.close();
  }

  watch(handle: object): void {
    this.inner.watch(handle);
  }
}

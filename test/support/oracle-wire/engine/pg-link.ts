/**
 * One connection to PostgreSQL: text parameters in, text values out, several statements under way at once. It knows nothing
 * of Oracle. Invariant: a statement's rows that came before its error are kept with the error, since Oracle would have
 * delivered them.
 */
import { createRequire } from 'node:module';

export interface EngineField {
  readonly name: string;
  readonly typeId: number;
  readonly typeMod: number;
  readonly tableId: number;
  readonly columnId: number;
}

export type TextRow = (string | null)[];

export interface EngineResult {
  readonly fields: readonly EngineField[];
  readonly rows: readonly TextRow[];
  readonly affected: number;
}

/** What PostgreSQL says in an error. */
export interface ServerError extends Error {
  readonly code?: string;
  readonly position?: string;
  readonly detail?: string;
  readonly schema?: string;
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
}

export class EngineError extends Error {
  readonly server: ServerError;
  readonly fields: readonly EngineField[];
  readonly rows: readonly TextRow[];

  constructor(server: ServerError, fields: readonly EngineField[], rows: readonly TextRow[]) {
    super(server.message, { cause: server });
    this.name = 'EngineError';
    this.server = server;
    this.fields = fields;
    this.rows = rows;
  }
}

/** As much of `pg`, which ships no types, as is used here. */
interface PgResult {
  readonly fields?: readonly {
    readonly name: string;
    readonly dataTypeID: number;
    readonly dataTypeModifier: number;
    readonly tableID: number;
    readonly columnID: number;
  }[];
  readonly rowCount?: number | null;
}

interface PgQuery {
  on(event: 'row', listener: (row: TextRow, result: PgResult) => void): void;
  on(event: 'end', listener: (result: PgResult | readonly PgResult[]) => void): void;
  on(event: 'error', listener: (error: ServerError) => void): void;
}

interface PgClient {
  readonly processID: number;
  connect(): Promise<void>;
  query(query: PgQuery): void;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): void;
}

interface PgModule {
  readonly Client: new (options: Readonly<Record<string, unknown>>) => PgClient;
  readonly Query: new (options: Readonly<Record<string, unknown>>) => PgQuery;
}

const pg = createRequire(import.meta.url)('pg') as PgModule;

/** Every value stays the text that the server has sent. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

export class PgLink {
  /** A statement has been ended by a cancel since this was set to `false`. */
  sawCancel = false;
  readonly #client: PgClient;

  private constructor(client: PgClient) {
    this.#client = client;
  }

  static async connect(url: string, applicationName: string): Promise<PgLink> {
    const client = new pg.Client({ connectionString: url, application_name: applicationName, pipeline: true });
    // Whatever is under way is told by its own error.
    client.on('error', () => undefined);
    await client.connect();
    return new PgLink(client);
  }

  get processId(): number {
    return this.#client.processID;
  }

  /** With a name the statement is prepared once, and the name must mean this text for ever. */
  query(text: string, params: readonly (string | null)[] = [], name?: string): Promise<EngineResult> {
    const query = new pg.Query({
      text,
      ...(params.length > 0 && { values: params }),
      ...(name !== undefined && { name }),
      rowMode: 'array',
      types: AS_TEXT,
    });
    return new Promise((resolve, reject) => {
      const rows: TextRow[] = [];
      let described: PgResult = {};
      query.on('row', (row, result) => {
        rows.push(row);
        described = result;
      });
      query.on('end', (result) => {
        const last = Array.isArray(result) ? (result.at(-1) as PgResult | undefined) : (result as PgResult);
        resolve({ fields: fieldsOf(last), rows, affected: last?.rowCount ?? 0 });
      });
      query.on('error', (error) => {
        this.sawCancel ||= error.code === '57014';
        reject(new EngineError(error, fieldsOf(described), rows));
      });
      this.#client.query(query);
    });
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

const fieldsOf = (result: PgResult | undefined): EngineField[] =>
  (result?.fields ?? []).map((field) => ({
    name: field.name,
    typeId: field.dataTypeID,
    typeMod: field.dataTypeModifier,
    tableId: field.tableID,
    columnId: field.columnID,
  }));

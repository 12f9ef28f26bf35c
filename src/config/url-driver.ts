/**
 * The driver that a URL names, before its door is open: a configuration is made without I/O and without waiting, and doors are
 * loaded lazily. It says of itself what the driver will say, opens the door with the first connection, and is then nothing but a
 * way there. Invariants: nothing is loaded before somebody wants a connection; an error of the loading reaches whoever wanted
 * it, and the next one tries anew; the URL is in no field that could be printed.
 */
import { parseConnectionUrl } from '../driver/connection-url.js';
import type { Capabilities } from '../driver/capabilities.js';
import type {
  ConnectRequest,
  Driver,
  DriverConnection,
  DriverListener,
  FailureSituation,
  TransactionStatements,
} from '../driver/driver.js';
import type { OutcomeProtocol, OutcomeSource, OutcomeTicket } from '../driver/outcome.js';
import { ConnectionError } from '../errors/connection-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { Door } from './doors.js';
import { DOORS, doorOf } from './doors.js';

type Witness = NonNullable<TransactionStatements['witness']>;

/** `undefined` when the URL is wrong; then `issues` says why. What its parameters mean is known when the door is open. */
export function urlDriver(url: string, issues: OptionIssue[]): Driver | undefined {
  const door = doorOf(url, issues);
  if (door === undefined) return undefined;
  const endpoint = endpointOf(url, door, issues);
  return endpoint === undefined ? undefined : new UrlDriver(url, door, endpoint);
}

class UrlDriver implements Driver {
  readonly name: string;
  readonly dialect: Driver['dialect'];
  readonly capabilities: Capabilities;
  readonly transactions: TransactionStatements;
  readonly outcomes?: OutcomeProtocol;
  readonly listen?: (request: ConnectRequest) => Promise<DriverListener>;
  readonly #url: string;
  readonly #door: Door;
  readonly #endpoint: string;
  #opening: Promise<Driver> | undefined;
  #driver: Driver | undefined;

  constructor(url: string, door: Door, endpoint: string) {
    this.#url = url;
    this.#door = door;
    this.#endpoint = endpoint;
    this.name = door.name;
    this.dialect = door.dialect;
    this.capabilities = door.capabilities;
    const loaded = () => this.#loaded();
    this.transactions = wordsOf(loaded, door);
    if (door.has.outcomes) this.outcomes = new LaterOutcomes(loaded);
    if (door.has.listen) {
      this.listen = async (request) => {
        const driver = await this.#open();
        if (driver.listen === undefined) throw new Error(`bug: the ${door.name} driver has no listener of its own`);
        return driver.listen(request);
      };
    }
  }

  /** The driver adds what the environment fills in, once it is there. */
  get endpoint(): string {
    return this.#driver?.endpoint ?? this.#endpoint;
  }

  async load(): Promise<void> {
    await (await this.#open()).load();
  }

  async connect(request: ConnectRequest): Promise<DriverConnection> {
    const driver = await this.#open();
    const connection = await driver.connect(request);
    // One that stands in for the client library that is not installed may be able to do less than was announced.
    if (this.capabilities.pipelining && !driver.capabilities.pipelining)
      Object.defineProperty(connection, 'canPipeline', { value: false });
    return connection;
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    if (this.#driver !== undefined) return this.#driver.classify(error, situation);
    if (isFluxorError(error)) return error;
    const text = `${this.#endpoint}: the driver could not be loaded; see cause`;
    return new ConnectionError('local-resources', text, { cause: error, context: situation.context });
  }

  async close(): Promise<void> {
    await this.#driver?.close();
  }

  async #open(): Promise<Driver> {
    this.#opening ??= this.#door.open(this.#url);
    const opening = this.#opening;
    try {
      return (this.#driver = await opening);
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  #loaded(): Driver {
    if (this.#driver === undefined) throw new Error('bug: a transaction without a connection');
    return this.#driver;
  }
}

/**
 * Spoken on a connection, so the driver is there by then. What is no function is the same in every database, and stands here: a
 * configuration is printed and compared before anything is loaded.
 */
function wordsOf(loaded: () => Driver, door: Door): TransactionStatements {
  return {
    begin: (options) => loaded().transactions.begin(options),
    commit: 'commit',
    rollback: 'rollback',
    savepoint: (name) => loaded().transactions.savepoint(name),
    rollbackTo: (name) => loaded().transactions.rollbackTo(name),
    releaseSavepoint: (name) => loaded().transactions.releaseSavepoint(name),
    ...(door.hasDeferrable ? { hasDeferrable: true } : {}),
    ...(door.dialect === 'postgres'
      ? { tellTrace: (carrier: string) => loaded().transactions.tellTrace?.(carrier) }
      : {}),
    ...(door.has.commitsByItself
      ? { commitsByItself: (text: string) => loaded().transactions.commitsByItself?.(text) }
      : {}),
    ...(door.has.witness ? { witness: new LaterWitness(loaded) } : {}),
  };
}

/** A class, for the reason of `LaterOutcomes`. */
class LaterWitness implements Witness {
  readonly #loaded: () => Driver;

  constructor(loaded: () => Driver) {
    this.#loaded = loaded;
  }

  get set(): string {
    return this.#witness.set;
  }

  get check(): string {
    return this.#witness.check;
  }

  get #witness(): Witness {
    const { witness } = this.#loaded().transactions;
    if (witness === undefined) throw new Error('bug: the driver has no witness of its own');
    return witness;
  }
}

/** A class, because a getter of its own would be read by whoever prints the configuration. */
class LaterOutcomes implements OutcomeProtocol {
  readonly #loaded: () => Driver;

  constructor(loaded: () => Driver) {
    this.#loaded = loaded;
  }

  get marks(): OutcomeProtocol['marks'] {
    return this.#outcomes.marks;
  }

  ticketOf(...given: Parameters<OutcomeProtocol['ticketOf']>): ReturnType<OutcomeProtocol['ticketOf']> {
    return this.#outcomes.ticketOf(...given);
  }

  fateOf(...given: Parameters<OutcomeProtocol['fateOf']>): ReturnType<OutcomeProtocol['fateOf']> {
    return this.#outcomes.fateOf(...given);
  }

  async endSession(ticket: OutcomeTicket, source: OutcomeSource): Promise<void> {
    await this.#outcomes.endSession?.(ticket, source);
  }

  get #outcomes(): OutcomeProtocol {
    const { outcomes } = this.#loaded();
    if (outcomes === undefined) throw new Error('bug: the driver cannot ask what became of a transaction');
    return outcomes;
  }
}

function endpointOf(url: string, door: Door, issues: OptionIssue[]): string | undefined {
  if (door.name === 'pglite' && /^pglite:\/\/[^/].*@/i.test(url)) {
    // All of it would be a folder, and shown as one, with the password of the server that was meant.
    const expected = "'pglite:' or 'pglite:./folder'";
    return void issues.push({ path: 'url', got: "'//' and an '@', as in the URL of a server", expected });
  }
  if (door.name === 'pglite') return `pglite:${url.slice('pglite:'.length).replace(/^\/\//, '') || 'memory'}`;
  const found = issues.length;
  const parsed = parseConnectionUrl(url, Object.keys(DOORS), 'url', issues);
  if (parsed === undefined || issues.length > found) return undefined;
  const { host = 'localhost', port = door.defaultPort, user, database = '' } = parsed;
  const at = host.includes(':') ? `[${host}]` : host;
  const place = door.placeOf?.(parsed) ?? `${at}:${port}/${database}`;
  return `${door.name}://${user === undefined ? '' : `${user}@`}${place}`;
}

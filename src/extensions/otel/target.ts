/** What is the same for everything that one runtime does: the database, its address, the pool. Read from the driver once. */
import type { Attributes } from '@opentelemetry/api';
import type { DBRuntime } from '../../index.js';
import {
  DB_NAMESPACE,
  DB_SYSTEM_NAME,
  DEFAULT_PORTS,
  NETWORK_PEER_ADDRESS,
  NETWORK_PEER_PORT,
  POOL_NAME,
  SERVER_ADDRESS,
  SERVER_PORT,
  SYSTEM_NAMES,
} from './semconv.js';

export interface Target {
  readonly pool: string;
  readonly dialect: DBRuntime['config']['driver']['dialect'];
  /** Of every span, and of the durations. */
  readonly attributes: Attributes;
  /** Where an address is known for certain: the endpoint names an IP address. */
  readonly peer: Attributes;
  /** What a statement is called of which nothing else can be said. */
  readonly fallbackName: string;
  /** `undefined` for databases inside the process. */
  readonly address: string | undefined;
}

export function targetOf(db: DBRuntime): Target {
  const { name: pool, driver } = db.config;
  const { host, port, namespace } = readEndpoint(driver.endpoint, driver.name);
  const system = SYSTEM_NAMES[driver.name] ?? driver.name;
  const isOther = host !== undefined && port !== undefined && port !== DEFAULT_PORTS[driver.name];
  const attributes = {
    [DB_SYSTEM_NAME]: system,
    ...(namespace === undefined ? {} : { [DB_NAMESPACE]: namespace }),
    ...(host === undefined ? {} : { [SERVER_ADDRESS]: host }),
    ...(isOther ? { [SERVER_PORT]: port } : {}),
    [POOL_NAME]: pool,
  };
  const isAddress = host !== undefined && /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f:]*:[\da-f:.]*)$/i.test(host);
  const peer = isAddress
    ? { [NETWORK_PEER_ADDRESS]: host, ...(port === undefined ? {} : { [NETWORK_PEER_PORT]: port }) }
    : {};
  const fallbackName = namespace ?? (host === undefined ? system : `${host}${isOther ? `:${port}` : ''}`);
  return Object.freeze({
    pool,
    dialect: driver.dialect,
    attributes: Object.freeze(attributes),
    peer: Object.freeze(peer),
    fallbackName,
    address: host,
  });
}

interface Endpoint {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly namespace: string | undefined;
}

/** `driver://user@host:port/database`. A folder of sockets is an address as well. */
function readEndpoint(endpoint: string, driver: string): Endpoint {
  const found = /^[a-z][\w+.-]*:\/\/(?:[^@]*@)?(\[[^\]]*\]|\/.*(?=\/)|[^/:]*)(?::(\d+))?\/?([^?]*)/i.exec(endpoint);
  if (found === null) return { host: undefined, port: undefined, namespace: undefined };
  const [, place = '', port, database = ''] = found;
  // A service is not the name that the conventions mean (DB_UNIQUE_NAME), and that is known to the server only.
  const namespace = driver === 'oracle' || database === '' ? undefined : database;
  return {
    host: place === '' ? undefined : place.replace(place.startsWith('/') ? /:\d+$/ : /^\[|\]$/g, ''),
    port: port === undefined ? undefined : Number(port),
    namespace,
  };
}

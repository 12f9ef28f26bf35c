/**
 * A scrape over HTTP: who may, by which method, in which format, compressed or not. Works with whatever gives it a request and a
 * response in the form of `node:http`, and knows nothing of where it is mounted.
 * Invariants: tokens are compared in a time that says nothing about them; what goes wrong inside is told to nobody outside.
 */
import { acceptsGzip } from './accept.js';
import type { Exposition } from './exposition.js';

/** As much of `IncomingMessage` as is looked at. */
export interface ScrapeRequest {
  readonly method?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** As much of `ServerResponse` as is used. */
export interface ScrapeResponse {
  statusCode: number;
  /** Somebody has answered already: one who was tired of waiting, say. */
  readonly headersSent?: boolean;
  setHeader(name: string, value: string | number): unknown;
  end(body?: string | Uint8Array): unknown;
}

export interface ScrapePorts {
  /** None: everybody may. */
  readonly tokens: readonly string[];
  readonly expose: (accept: string | undefined) => Promise<Exposition>;
}

/** Below it a reply fits into one packet anyway. */
const GZIP_FROM_BYTES = 1_400;

/** Never rejects: nobody waits for it in a server of `node:http`, and the process would end of it. */
export async function answerScrape(
  { tokens, expose }: ScrapePorts,
  request: ScrapeRequest,
  response: ScrapeResponse,
): Promise<void> {
  if (response.headersSent === true) return;
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return refuse(response, 405, 'Metrics can only be read: GET or HEAD.');
  }
  try {
    if (tokens.length > 0 && !(await isKnown(tokens, header(request, 'authorization')))) {
      response.setHeader('WWW-Authenticate', 'Bearer realm="metrics"');
      return refuse(response, 401, 'A token is needed: Authorization: Bearer …');
    }
    await reply(request, response, await expose(header(request, 'accept')));
  } catch {
    refuse(response, 500, 'The metrics could not be read.');
  }
}

export function refuse(response: ScrapeResponse, status: number, why: string): void {
  if (response.headersSent === true) return;
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`${why}\n`);
}

async function reply(
  request: ScrapeRequest,
  response: ScrapeResponse,
  { contentType, body }: Exposition,
): Promise<void> {
  const plain = Buffer.from(body);
  const isPacked = plain.length >= GZIP_FROM_BYTES && acceptsGzip(header(request, 'accept-encoding'));
  const content = isPacked ? await gzipped(plain) : plain;
  if (response.headersSent === true) return;
  response.statusCode = 200;
  response.setHeader('Content-Type', contentType);
  response.setHeader('Vary', 'Accept, Accept-Encoding');
  if (isPacked) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Length', content.length);
  response.end(request.method === 'HEAD' ? undefined : content);
}

/** Loaded when it is needed, and run beside the thread of the program: series repeat themselves and shrink to a twentieth. */
async function gzipped(content: Uint8Array): Promise<Uint8Array> {
  const { gzip } = await import('node:zlib');
  return new Promise((resolve, reject) => {
    gzip(content, (error, packed) => (error === null ? resolve(packed) : reject(error)));
  });
}

/** Digests are of one length, and every token is compared: the time says neither how long one is nor which it was. */
async function isKnown(tokens: readonly string[], authorization: string | undefined): Promise<boolean> {
  const { createHash, timingSafeEqual } = await import('node:crypto');
  const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();
  const given = digest(/^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '');
  return tokens.filter((token) => timingSafeEqual(digest(token), given)).length > 0;
}

/** Of one that came several times, what Node makes of it, or the first. */
function header({ headers }: ScrapeRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' || value === undefined ? value : value[0];
}

/** How a connection is encrypted, and whom it trusts; the same for every database. */

/** TLS material, a structural part of Node's `tls.ConnectionOptions`. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of the system's. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** Client certificate and key, for servers that ask for one. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  /** The name to check the certificate against, when it differs from `host`. */
  readonly servername?: string;
  /** False accepts any certificate: encryption without knowing whom one talks to. Default true. */
  readonly rejectUnauthorized?: boolean;
}

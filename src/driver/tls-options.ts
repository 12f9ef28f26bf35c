/** How a connection is encrypted, and whom it trusts; the same for every database. */

/** TLS material, a structural part of Node's `tls.ConnectionOptions`. */
export interface TlsOptions {
  /**
   * Certificate authorities to trust instead of the system's.
   * @when For a private authority.
   * @takes text or bytes
   * @default the system's
   */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /**
   * A client certificate, for servers that ask for one.
   * @takes text or bytes
   * @default none
   */
  readonly cert?: string | Buffer;
  /**
   * The private key of `cert`.
   * @takes text or bytes
   * @default none
   */
  readonly key?: string | Buffer;
  /**
   * The key's passphrase.
   * @default none
   */
  readonly passphrase?: string;
  /**
   * The name to check the certificate against, when it differs from `host`.
   * @default the host
   */
  readonly servername?: string;
  /**
   * False accepts any certificate: encryption without knowing whom one talks to.
   * @warning `false` is for tests.
   * @default `true`
   */
  readonly rejectUnauthorized?: boolean;
}

/**
 * The optional peers, loaded by `import()` in their rooms. Declared without types on purpose: each room states the part
 * it needs in its `*-module.ts`, and no published declaration mentions a driver package.
 */
declare module 'pg' {
  const pg: unknown;
  export { pg as default };
}
declare module 'mysql2' {
  const mysql: unknown;
  export { mysql as default };
}
declare module 'mariadb/callback' {
  export const createConnection: unknown;
}
declare module '@electric-sql/pglite' {
  export const PGlite: unknown;
}
declare module 'oracledb' {
  const oracledb: unknown;
  export { oracledb as default };
}

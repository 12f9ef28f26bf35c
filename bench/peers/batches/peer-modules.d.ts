/** As much of pg-copy-streams as its adapter uses. */
declare module 'pg-copy-streams' {
  export function from(text: string): NodeJS.WritableStream;
}

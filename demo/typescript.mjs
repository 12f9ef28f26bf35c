/**
 * Lets Node run the demo's TypeScript, loaded before main.ts. Without tsx's cache, which would stay behind in the
 * temporary folder; the demo promises to leave nothing there.
 */
process.env.TSX_DISABLE_CACHE = '1';
await import('tsx');

/** The folder bench/ itself; run.mjs says where it is, because what runs is a compiled copy. */
export const BENCH_FOLDER = process.env.FLUXOR_BENCH_FOLDER ?? process.cwd();

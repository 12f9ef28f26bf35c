/**
 * What `prisma generate` of Prisma 7.10.0 made of this schema, without the types; made once and kept, because the generator
 * downloads a program that the client does not need. Read by prisma.ts, and good for that version only.
 *
 *   datasource db { provider = "postgresql" }
 *   model Item { id Int @id, name String, stock Int, @@map("items") }
 */
import * as runtime from '@prisma/client/runtime/client';
import type { Item } from './point-peer.js';

/** Of the runtime; TypeScript's own declaration of it comes with browsers only. */
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => unknown };

/** Ships no types. */
const COMPILER = '@prisma/client/runtime/query_compiler_fast_bg.postgresql';

export const PRISMA_VERSION = '7.10.0';

const SCHEMA = `generator client {
  provider = "prisma-client"
  output   = "./generated"
}

datasource db {
  provider = "postgresql"
}

model Item {
  id    Int    @id
  name  String
  stock Int

  @@map("items")
}
`;

const MODEL = {
  models: {
    Item: {
      fields: [
        { name: 'id', kind: 'scalar', type: 'Int' },
        { name: 'name', kind: 'scalar', type: 'String' },
        { name: 'stock', kind: 'scalar', type: 'Int' },
      ],
      dbName: 'items',
      schema: null,
    },
  },
  enums: {},
  types: {},
};

const STRINGS = [
  'where',
  'Item.findUnique',
  'Item.findUniqueOrThrow',
  'orderBy',
  'cursor',
  'Item.findFirst',
  'Item.findFirstOrThrow',
  'Item.findMany',
  'data',
  'Item.createOne',
  'Item.createMany',
  'Item.createManyAndReturn',
  'Item.updateOne',
  'Item.updateMany',
  'Item.updateManyAndReturn',
  'create',
  'update',
  'Item.upsertOne',
  'Item.deleteOne',
  'Item.deleteMany',
  'having',
  '_count',
  '_avg',
  '_sum',
  '_min',
  '_max',
  'Item.groupBy',
  'Item.aggregate',
  'AND',
  'OR',
  'NOT',
  'id',
  'name',
  'stock',
  'equals',
  'in',
  'notIn',
  'lt',
  'lte',
  'gt',
  'gte',
  'contains',
  'startsWith',
  'endsWith',
  'not',
  'set',
  'increment',
  'decrement',
  'multiply',
  'divide',
];

const GRAPH = [
  'KwsQBhwAACIAMB0AAAQAEB4AACIAMB8CAAAAASABACQAISECACMAIQEAAAABACABAAAAAQAgBhwAACIAMB0AAAQAEB4AACIAMB8C',
  'ACMAISABACQAISECACMAIQADAAAABAAgAwAABQAwBAAAAQAgAwAAAAQAIAMAAAUAMAQAAAEAIAMAAAAEACADAAAFADAEAAABACAD',
  'HwIAAAABIAEAAAABIQIAAAABAQgAAAkAIAMfAgAAAAEgAQAAAAEhAgAAAAEBCAAACwAwAQgAAAsAMAMfAgAqACEgAQArACEhAgAq',
  'ACECAAAAAQAgCAAADgAgAx8CACoAISABACsAISECACoAIQIAAAAEACAIAAAQACACAAAABAAgCAAAEAAgAwAAAAEAIA8AAAkAIBAA',
  'AA4AIAEAAAABACABAAAABAAgBRUAACUAIBYAACYAIBcAACkAIBgAACgAIBkAACcAIAYcAAAaADAdAAAXABAeAAAaADAfAgAbACEg',
  'AQAcACEhAgAbACEDAAAABAAgAwAAFgAwFAAAFwAgAwAAAAQAIAMAAAUAMAQAAAEAIAYcAAAaADAdAAAXABAeAAAaADAfAgAbACEg',
  'AQAcACEhAgAbACENFQAAHgAgFgAAIQAgFwAAHgAgGAAAHgAgGQAAHgAgIgIAAAABIwIAAAAEJAIAAAAEJQIAAAABJgIAAAABJwIA',
  'AAABKAIAAAABLAIAIAAhDhUAAB4AIBgAAB8AIBkAAB8AICIBAAAAASMBAAAABCQBAAAABCUBAAAAASYBAAAAAScBAAAAASgBAAAA',
  'ASkBAAAAASoBAAAAASsBAAAAASwBAB0AIQ4VAAAeACAYAAAfACAZAAAfACAiAQAAAAEjAQAAAAQkAQAAAAQlAQAAAAEmAQAAAAEn',
  'AQAAAAEoAQAAAAEpAQAAAAEqAQAAAAErAQAAAAEsAQAdACEIIgIAAAABIwIAAAAEJAIAAAAEJQIAAAABJgIAAAABJwIAAAABKAIA',
  'AAABLAIAHgAhCyIBAAAAASMBAAAABCQBAAAABCUBAAAAASYBAAAAAScBAAAAASgBAAAAASkBAAAAASoBAAAAASsBAAAAASwBAB8A',
  'IQ0VAAAeACAWAAAhACAXAAAeACAYAAAeACAZAAAeACAiAgAAAAEjAgAAAAQkAgAAAAQlAgAAAAEmAgAAAAEnAgAAAAEoAgAAAAEs',
  'AgAgACEIIggAAAABIwgAAAAEJAgAAAAEJQgAAAABJggAAAABJwgAAAABKAgAAAABLAgAIQAhBhwAACIAMB0AAAQAEB4AACIAMB8C',
  'ACMAISABACQAISECACMAIQgiAgAAAAEjAgAAAAQkAgAAAAQlAgAAAAEmAgAAAAEnAgAAAAEoAgAAAAEsAgAeACELIgEAAAABIwEA',
  'AAAEJAEAAAAEJQEAAAABJgEAAAABJwEAAAABKAEAAAABKQEAAAABKgEAAAABKwEAAAABLAEAHwAhAAAAAAAFLQIAAAABLgIAAAAB',
  'LwIAAAABMAIAAAABMQIAAAABAS0BAAAAAQAAAAAFFQAGFgAHFwAIGAAJGQAKAAAAAAAFFQAGFgAHFwAIGAAJGQAKAQIBAgMBBQYB',
  'BgcBBwgBCQoBCgwCCw0DDA8BDRECDhIEERMBEhQBExUCGhgFGxkL',
];

interface PrismaClient {
  readonly item: { findUnique(query: { readonly where: { readonly id: number } }): PromiseLike<Item | null> };
}

export function prismaClientClass(): new (options: { readonly adapter: unknown }) => PrismaClient {
  return runtime.getPrismaClient({
    previewFeatures: [],
    clientVersion: PRISMA_VERSION,
    engineVersion: '0edf323efd1d98336f3f0a68684b56f689b900d3',
    activeProvider: 'postgresql',
    inlineSchema: SCHEMA,
    runtimeDataModel: MODEL,
    parameterizationSchema: { strings: STRINGS, graph: GRAPH.join('') },
    compilerWasm: {
      getRuntime: () => import(`${COMPILER}.mjs`),
      getQueryCompilerWasmModule: async () => {
        const { wasm } = (await import(`${COMPILER}.wasm-base64.mjs`)) as { readonly wasm: string };
        return new WebAssembly.Module(Buffer.from(wasm, 'base64'));
      },
      importName: './query_compiler_fast_bg.js',
    },
  } as never) as unknown as new (options: { readonly adapter: unknown }) => PrismaClient;
}

/** What is imported, and from which packages: the shortest way to a first query of each. */

export interface Import {
  readonly name: string;
  /** Whether it is ours, out of the packed package. */
  readonly isOurs: boolean;
  /** What a file of its user says. */
  readonly code: string;
  /** All that have to be installed for it; dependencies come by themselves. The first one's version is told. */
  readonly packages: readonly string[];
}

/** The front door alone: what the goal is about. */
export const OURS = 'fluxor';

const of = (name: string, packages: readonly string[], ...modules: readonly string[]): Import => {
  return { name, isOurs: false, code: modules.map((module) => `import '${module}';`).join('\n'), packages };
};

const ours = (name: string, ...modules: readonly string[]): Import => {
  return { ...of(name, ['fluxor-db'], ...modules), isOurs: true };
};

export const IMPORTS: readonly Import[] = [
  ours(OURS, 'fluxor-db'),
  ours('fluxor + PostgreSQL door', 'fluxor-db', 'fluxor-db/postgres'),
  of('pg', ['pg'], 'pg'),
  of('postgres-js', ['postgres'], 'postgres'),
  of('mysql2', ['mysql2'], 'mysql2/promise'),
  of('mariadb', ['mariadb'], 'mariadb'),
  of('slonik', ['slonik'], 'slonik'),
  of('knex + pg', ['knex', 'pg'], 'knex', 'pg'),
  of('kysely + pg', ['kysely', 'pg'], 'kysely', 'pg'),
  of('drizzle + pg', ['drizzle-orm', 'pg'], 'drizzle-orm/node-postgres'),
  of('typeorm + pg', ['typeorm', 'pg'], 'typeorm', 'pg'),
  of(
    'prisma + adapter-pg',
    ['@prisma/client', '@prisma/adapter-pg'],
    '@prisma/client/runtime/client',
    '@prisma/adapter-pg',
  ),
];

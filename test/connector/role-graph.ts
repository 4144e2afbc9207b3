import pg from 'pg';

/** The rights on tables that has_table_privilege knows, of every version; MAINTAIN came with version 17. */
export const TABLE_PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'] as const;

/** A sequence of random numbers that a seed repeats (mulberry32): a difference is found again by its seed. */
export class Random {
  constructor(private state: number) {}

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }

  some<T>(items: readonly T[], most: number): T[] {
    return items
      .map((item) => ({ item, at: this.next() }))
      .sort((a, b) => a.at - b.at)
      .slice(0, this.integer(1, most))
      .map(({ item }) => item);
  }
}

const quote = (name: string): string => pg.escapeIdentifier(name);

/** What a role or a table may be called, beside the plain: what breaks careless joining, folding and escaping. */
const ODD_NAMES = ['with space', 'Größe', 'a/b', 'dotted.name', "o'brien", 'say "hi"', '100%', 'ÅNGSTRÖM', 'tab\tname', '角色'];

/**
 * A random set of roles, schemas, tables, views and rights, as statements for a superuser to run one by one. A statement that PostgreSQL
 * refuses (a grantor without the right to grant, say) is part of the game and changes nothing.
 */
export class RoleGraph {
  readonly roles: string[] = [];
  /** Roles whose rights has_table_privilege finds in no list. */
  readonly powerful: string[] = [];
  readonly schemas: string[] = [];
  readonly relations: string[] = [];
  readonly statements: string[] = [];
  private readonly random: Random;

  constructor(readonly seed: number) {
    this.random = new Random(seed);
    this.addRoles();
    this.addMemberships();
    this.addSchemas();
    this.addDefaultPrivileges();
    this.addRelations();
    for (let n = this.random.integer(20, 60); n > 0; n -= 1) this.addChange();
  }

  /** Some more changes to what is there: rights, memberships, owners, logins, names. */
  evolve(count: number): string[] {
    const before = this.statements.length;
    for (let n = count; n > 0; n -= 1) this.addChange();
    return this.statements.slice(before);
  }

  /** Ends all that the graph made. */
  cleanUp(): string[] {
    const roles = [...this.roles, ...this.powerful].map(quote);
    return [
      ...this.schemas.map((schema) => `DROP SCHEMA ${quote(schema)} CASCADE`),
      // One by one: PostgreSQL stumbles over default privileges from one of several roles to another.
      ...roles.map((role) => `DROP OWNED BY ${role} CASCADE`),
      `DROP ROLE ${roles.join(', ')}`,
    ];
  }

  private addRoles(): void {
    for (let index = this.random.integer(5, 13); index > 0; index -= 1) {
      const odd = this.random.chance(0.25) ? ` ${this.random.pick(ODD_NAMES)}` : '';
      const name = `g${this.seed}_role${index}${odd}`;
      const login = this.random.chance(0.5) ? 'LOGIN' : 'NOLOGIN';
      const inherit = this.random.chance(0.3) ? 'NOINHERIT' : 'INHERIT';
      const powers = this.random.chance(0.1) ? 'CREATEROLE CREATEDB' : '';
      this.roles.push(name);
      this.statements.push(`CREATE ROLE ${quote(name)} ${login} ${inherit} ${powers}`);
    }
    if (this.random.chance(0.4)) this.addPowerful();
  }

  /** A superuser and a reader of everything, each with one member: left out by the oracle, but in the way of everything else. */
  private addPowerful(): void {
    const [superuser, reader] = [`g${this.seed}_super`, `g${this.seed}_reads_all`];
    this.powerful.push(superuser, reader);
    this.statements.push(`CREATE ROLE ${superuser} LOGIN SUPERUSER`, `GRANT ${superuser} TO ${this.role()}`);
    this.statements.push(`CREATE ROLE ${reader}`, `GRANT pg_read_all_data TO ${reader}`, `GRANT ${reader} TO ${this.role()}`);
  }

  private addMemberships(): void {
    for (let n = this.random.integer(this.roles.length / 2, this.roles.length * 2); n > 0; n -= 1) this.addMembership();
  }

  private addMembership(): void {
    const options = ['', 'WITH ADMIN OPTION', 'WITH INHERIT FALSE', 'WITH SET FALSE', 'WITH INHERIT FALSE, SET FALSE', 'WITH INHERIT TRUE'];
    const by = this.random.chance(0.2) ? ` GRANTED BY ${this.role()}` : '';
    this.statements.push(`GRANT ${this.role()} TO ${this.role()} ${this.random.pick(options)}${by}`);
  }

  private addSchemas(): void {
    for (let index = this.random.integer(1, 3); index > 0; index -= 1) {
      const name = this.random.chance(0.2) ? `g${this.seed} ${this.random.pick(ODD_NAMES)} ${index}` : `g${this.seed}_schema${index}`;
      this.schemas.push(name);
      this.statements.push(`CREATE SCHEMA ${quote(name)}`, `GRANT ALL ON SCHEMA ${quote(name)} TO PUBLIC`);
    }
  }

  private addDefaultPrivileges(): void {
    for (let n = this.random.integer(0, 4); n > 0; n -= 1) {
      const where = this.random.chance(0.5) ? `IN SCHEMA ${quote(this.random.pick(this.schemas))}` : '';
      const what = this.random.chance(0.6)
        ? `GRANT ${this.privileges()} ON TABLES TO ${this.grantee()}`
        : `REVOKE ${this.privileges()} ON TABLES FROM ${this.grantee()}`;
      this.statements.push(`ALTER DEFAULT PRIVILEGES FOR ROLE ${this.role()} ${where} ${what}`);
    }
  }

  private addRelations(): void {
    for (let index = this.random.integer(3, 9); index > 0; index -= 1) this.addRelation(index);
  }

  private addRelation(index: number): void {
    const schema = this.random.pick(this.schemas);
    const base = this.random.chance(0.2) ? `${this.random.pick(ODD_NAMES)} ${index}` : `table${index}`;
    const name = `${quote(schema)}.${quote(base)}`;
    const bodies = [
      `CREATE TABLE ${name} (id int, note text)`,
      `CREATE TABLE ${name} (id int, note text)`,
      `CREATE TABLE ${name} (id int, note text) PARTITION BY LIST (id)`,
      `CREATE VIEW ${name} AS SELECT 1 AS id, ''::text AS note`,
      `CREATE MATERIALIZED VIEW ${name} AS SELECT 1 AS id, ''::text AS note`,
    ];
    const body = this.random.pick(bodies);
    this.relations.push(name);
    // One statement list as its owner, so that the owner's default privileges apply.
    this.statements.push(this.random.chance(0.7) ? `SET ROLE ${this.role()}; ${body}; RESET ROLE` : body);
  }

  private addChange(): void {
    const table = this.random.pick(this.relations);
    const option = this.random.chance(0.3) ? ' WITH GRANT OPTION' : '';
    const behaviour = this.random.pick(['', ' CASCADE']);
    const changes = [
      () => this.push(`GRANT ${this.privileges()} ON ${table} TO ${this.grantee()}${option}`),
      () => this.push(`GRANT ${this.privileges()} ON ${table} TO ${this.grantee()}${option}`),
      () => this.push(`SET ROLE ${this.role()}; GRANT ${this.privileges()} ON ${table} TO ${this.grantee()}; RESET ROLE`),
      () => this.push(`REVOKE ${this.privileges()} ON ${table} FROM ${this.grantee()}${behaviour}`),
      () => this.push(`REVOKE GRANT OPTION FOR ${this.privileges()} ON ${table} FROM ${this.role()} CASCADE`),
      () => this.push(`DO $do$ BEGIN EXECUTE (${revokeFromOwner(table)}); END $do$`),
      () =>
        this.push(
          `ALTER TABLE ${table} OWNER TO ${this.random.chance(0.8) ? this.role() : this.random.pick(['pg_database_owner', ...this.powerful])}`,
        ),
      () => this.push(`GRANT SELECT (id), UPDATE (note) ON ${table} TO ${this.grantee()}`),
      () => this.push(`GRANT ${this.privileges()} ON ALL TABLES IN SCHEMA ${quote(this.random.pick(this.schemas))} TO ${this.grantee()}`),
      () => this.push(`REVOKE ${this.role()} FROM ${this.role()} CASCADE`),
      () => this.push(`ALTER ROLE ${this.role()} ${this.random.pick(['LOGIN', 'NOLOGIN', 'INHERIT', 'NOINHERIT'])}`),
      () => this.addMembership(),
    ];
    this.random.pick(changes)();
  }

  private push(statement: string): void {
    this.statements.push(statement);
  }

  private role(): string {
    return quote(this.random.pick(this.roles));
  }

  private grantee(): string {
    const chance = this.random.next();
    if (chance < 0.15) return 'PUBLIC';
    return chance < 0.2 ? 'pg_monitor' : this.role();
  }

  private privileges(): string {
    return this.random.chance(0.15) ? 'ALL' : this.random.some(TABLE_PRIVILEGES, 4).join(', ');
  }
}

/** The statement that takes some of its own rights from a table's owner, who then holds no more than the list says. */
function revokeFromOwner(table: string): string {
  const found = `SELECT relowner::regrole::text FROM pg_class WHERE oid = ${pg.escapeLiteral(table)}::regclass`;
  return `SELECT 'REVOKE SELECT, INSERT ON ' || ${pg.escapeLiteral(table)} || ' FROM ' || (${found})`;
}

/** Runs statements one by one; those that PostgreSQL refuses are passed over. Answers how many it took. */
export async function carryOut(client: pg.Client, statements: readonly string[]): Promise<number> {
  let taken = 0;
  for (const statement of statements) {
    try {
      await client.query(statement);
      taken += 1;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      await client.query('RESET ROLE');
    }
  }
  return taken;
}

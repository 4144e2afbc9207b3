import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who is carrying a remediation out at its source, until when nobody else does, and since when somebody first did. */
export class RemediationLeases1764000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE remediations
        ADD COLUMN started_at   timestamptz(3),
        ADD COLUMN leased_by    text,
        ADD COLUMN leased_until timestamptz(3);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE remediations DROP COLUMN leased_until, DROP COLUMN leased_by, DROP COLUMN started_at');
  }
}

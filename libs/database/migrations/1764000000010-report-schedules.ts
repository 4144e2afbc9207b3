import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Reports that are asked for by the clock. */
export class ReportSchedules1764000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- covered_to is up to where reports have told of a period; the columns from next_run_at on are the workers' own.
      CREATE TABLE report_schedules (
        id             uuid PRIMARY KEY,
        name           text NOT NULL,
        kind           text NOT NULL,
        format         text NOT NULL,
        parameters     jsonb NOT NULL,
        cron           text NOT NULL,
        time_zone      text NOT NULL,
        enabled        boolean NOT NULL,
        status         text NOT NULL CONSTRAINT report_schedules_status_known CHECK (status IN ('active', 'retired')),
        created_by     jsonb NOT NULL,
        created_at     timestamptz(3) NOT NULL,
        updated_at     timestamptz(3) NOT NULL,
        version        integer NOT NULL,
        next_run_at    timestamptz(3),
        covered_to     timestamptz(3) NOT NULL,
        last_due_at    timestamptz(3),
        last_run_at    timestamptz(3),
        last_report_id uuid REFERENCES reports (id),
        last_failure   text
      );
      CREATE INDEX report_schedules_by_status ON report_schedules (status, id);
      CREATE INDEX report_schedules_due ON report_schedules (next_run_at) WHERE next_run_at IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE report_schedules');
  }
}

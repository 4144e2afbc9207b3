import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import supertest from 'supertest';
import { eventually } from '../support/eventually.js';
import { factories } from '../support/factories.js';
import { System, type SystemOptions } from '../support/system.js';

export interface Report {
  id: string;
  status: string;
  parameters: Record<string, unknown>;
  progress: { done: number; total: number | null };
  rows: number;
  bytes: number;
  sha256: string;
  startedAt: string;
  completedAt: string;
  reconciliation: { population: number; included: number; excluded: { reason: string; count: number }[] };
  failure: { code: string; message: string } | null;
  version: number;
}

const BUILT_WITHIN_MS = 120_000;

/** A whole system, and words for what reports are asked for. */
export class ReportGround {
  private constructor(
    readonly system: System,
    private readonly folder: string,
    readonly http: ReturnType<typeof supertest>,
    readonly make: ReturnType<typeof factories>,
  ) {}

  static async start({ environment = {}, ...options }: SystemOptions = {}): Promise<ReportGround> {
    const folder = await mkdtemp(path.join(tmpdir(), 'reports-'));
    const system = await System.start({ ...options, environment: { API_REPORT_STORAGE_URL: pathToFileURL(folder).href, ...environment } });
    const http = supertest(system.url);
    return new ReportGround(system, folder, http, factories(http));
  }

  async close(): Promise<void> {
    await this.system.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async ask(kind: string, format: string, parameters: object = {}): Promise<Report> {
    const { status, body } = await this.http.post('/v1/reports').send({ kind, format, parameters });
    if (status !== 202) throw new Error(`POST /v1/reports: ${status} ${JSON.stringify(body)}`);
    return body as Report;
  }

  async get(id: string): Promise<Report> {
    return (await this.http.get(`/v1/reports/${id}`)).body as Report;
  }

  /** Waits until a report is in a status that it does not leave by itself. */
  ended(id: string, timeoutMs = BUILT_WITHIN_MS): Promise<Report> {
    return eventually(async () => {
      const report = await this.get(id);
      if (report.status === 'queued' || report.status === 'running') throw new Error(`The report is ${report.status}.`);
      return report;
    }, timeoutMs);
  }

  /** Asks for a report and waits for its file. */
  async build(kind: string, format: string, parameters: object = {}): Promise<{ report: Report; file: Buffer }> {
    const report = await this.ended((await this.ask(kind, format, parameters)).id);
    if (report.status !== 'completed') throw new Error(JSON.stringify(report));
    return { report, file: await this.file(report.id) };
  }

  /** The file of a completed report, as the storage has it. */
  async file(id: string): Promise<Buffer> {
    const [row] = await this.system.sql<{ key: string }>('SELECT file_key AS key FROM reports WHERE id = $1', [id]);
    return readFile(path.join(this.folder, row?.key ?? ''));
  }
}

export type Line = Record<string, unknown>;

/** The lines of a file in JSON Lines. */
export const linesOf = (file: Buffer): Line[] =>
  file
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

/** Its rows alone, without what it opens and closes with. */
export const rowsOf = (file: Buffer): Line[] => linesOf(file).slice(1, -1);

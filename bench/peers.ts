import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { barChart } from './load/bar-chart.js';
import { contest, type ContestOptions, ratio, type Standing } from './load/contest.js';
import { earlierFigures, type Figure, figureTable, settle } from './load/figures.js';
import { PeersGround } from './peers/ground.js';
import { pageSides, shortAnswerSides, staticSides, writeSides } from './peers/sides.js';

/*
 * The same work beside programs that do nothing else, each one process on the same PostgreSQL with as many connections: the gateway verifies
 * tokens, logs and counts, its peers do not. BENCH_SCORES, BENCH_ROUNDS, BENCH_SECONDS and BENCH_WARM_UP say how many rows, rounds, seconds a turn and requests beforehand;
 * `--compare <file>` sets an earlier run beside this one, `--out <folder>` says where this one's files go.
 */

const SCORES = Number(process.env['BENCH_SCORES'] ?? 100_000);
const POOL_SIZE = 16;
const OPTIONS: ContestOptions = {
  rounds: Number(process.env['BENCH_ROUNDS'] ?? 7),
  seconds: Number(process.env['BENCH_SECONDS'] ?? 2),
  warmUpRequests: Number(process.env['BENCH_WARM_UP'] ?? 3_000),
  connections: 32,
};

const TITLES: Record<string, string> = {
  gateway: 'the gateway, in production',
  fastapi: '(a) FastAPI, SQLAlchemy, asyncpg',
  express: '(b) Express, pg, res.json',
  nest: '(c) Nest, TypeORM, class-transformer',
  node: '(d) node:http, JSON of PostgreSQL',
};

const { values } = parseArgs({ options: { compare: { type: 'string' }, out: { type: 'string', default: '.cache/bench' } } });

function figure(standings: readonly Standing[], name: string, of: string, by: string, least?: number): Figure {
  const { median, least: lowest, most } = ratio(standings, of, by);
  return { name, value: median, unit: '×', spread: [lowest, most], ...(least === undefined ? {} : { least }) };
}

function pageFigures(pages: readonly Standing[]): Figure[] {
  const rates = pages.map(({ name, perSecond }) => ({
    ...{ name: `50 scores: ${TITLES[name]}`, value: perSecond.median, unit: 'pages/s' },
    spread: [perSecond.least, perSecond.most] as const,
  }));
  const targets = { fastapi: 5, express: 1.1, nest: 2.5, node: undefined };
  const ratios = Object.entries(targets)
    .filter(([name]) => pages.some((standing) => standing.name === name))
    .map(([name, least]) => figure(pages, `50 scores: the gateway by ${TITLES[name]}`, 'gateway', name, least));
  return [...rates, ...ratios];
}

function writeFiles(folder: string, pages: readonly Standing[], figures: readonly Figure[]): void {
  mkdirSync(folder, { recursive: true });
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version };
  const bars = pages.map(({ name, perSecond }) => ({ label: TITLES[name] ?? name, value: perSecond, ours: name === 'gateway' }));
  const run = { at: new Date().toISOString(), machine, options: OPTIONS, scores: SCORES, figures };
  writeFileSync(join(folder, 'peers.json'), `${JSON.stringify(run, null, 2)}\n`);
  writeFileSync(join(folder, 'peers.md'), `${figureTable(figures)}\n`);
  writeFileSync(join(folder, 'peers.svg'), barChart('A page of 50 scores', 'pages a second', bars));
}

const earlier = earlierFigures(values.compare);
const ground = await PeersGround.start({ scores: SCORES, poolSize: POOL_SIZE });
try {
  const pages = await contest(await pageSides(ground), OPTIONS);
  const statics = await contest(staticSides(ground), OPTIONS);
  const short = await contest(await shortAnswerSides(ground), OPTIONS);
  const writes = await contest(writeSides(ground), OPTIONS);
  const figures = [
    ...pageFigures(pages),
    figure(statics, 'a static body: the gateway by bare Express', 'gateway', 'express', 0.6),
    figure(short, '304 by the page', '304', 'page', 1),
    figure(short, '404 by the page', '404', 'page', 1),
    figure(writes, 'a write with event, key and version by a bare INSERT', 'gateway', 'express', 0.55),
  ];
  writeFiles(values.out, pages, figures);
  settle(figures, earlier);
} finally {
  await ground.close();
}

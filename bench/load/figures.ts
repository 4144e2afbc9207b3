import { readFileSync } from 'node:fs';

/** One thing measured, with what it may be at most or must be at least. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  least?: number;
  most?: number;
  /** The extremes over rounds, where there were rounds. */
  spread?: readonly [number, number];
}

export function holds({ value, least, most }: Figure): boolean {
  return (least === undefined || value >= least) && (most === undefined || value <= most);
}

const shown = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2));

function verdict(figure: Figure): string {
  const { least, most } = figure;
  if (least === undefined && most === undefined) return '';
  const target = least === undefined ? `at most ${most}` : `at least ${least}`;
  return `${target}: ${holds(figure) ? 'holds' : '**fails**'}`;
}

/** A Markdown table of the figures; with the figures of an earlier run, how they have changed since. */
export function figureTable(figures: readonly Figure[], earlier: readonly Figure[] | null = null): string {
  const lines = figures.map((figure) => {
    const { name, value, unit, spread } = figure;
    const between = spread ? ` (${shown(spread[0])} to ${shown(spread[1])})` : '';
    const before = earlier?.find((other) => other.name === name);
    const change = before ? ` ${(100 * (value / before.value - 1)).toFixed(0)} %` : '';
    return `| ${name} | ${shown(value)} ${unit}${between} | ${verdict(figure)} |${earlier ? `${change} |` : ''}`;
  });
  const head = earlier
    ? ['| what | measured | target | since |', '| --- | --- | --- | --- |']
    : ['| what | measured | target |', '| --- | --- | --- |'];
  return [...head, ...lines].join('\n');
}

/** The figures of an earlier run, from its JSON; null where none is named. */
export function earlierFigures(file: string | undefined): Figure[] | null {
  return file === undefined ? null : (JSON.parse(readFileSync(file, 'utf8')) as { figures: Figure[] }).figures;
}

/** Prints the figures and says by the exit code whether all hold. */
export function settle(figures: readonly Figure[], earlier: readonly Figure[] | null = null): void {
  process.stdout.write(`${figureTable(figures, earlier)}\n`);
  if (!figures.every(holds)) process.exitCode = 1;
}

import type { Spread } from './statistics.js';

const WIDTH = 760;
const LABELS = 250;
const BAR = 26;
const GAP = 12;
const TOP = 46;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Horizontal bars with a whisker from the least to the most, as an SVG that is read on light and on dark ground. */
export function barChart(title: string, unit: string, bars: readonly { label: string; value: Spread; ours?: boolean }[]): string {
  const most = Math.max(...bars.map(({ value }) => value.most));
  const x = (value: number): number => LABELS + (value / most) * (WIDTH - LABELS - 90);
  const height = TOP + bars.length * (BAR + GAP);
  const rows = bars.map(({ label, value, ours }, index) => {
    const y = TOP + index * (BAR + GAP);
    const middle = y + BAR / 2;
    return [
      `<text x="${LABELS - 10}" y="${middle + 5}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${LABELS}" y="${y}" width="${(x(value.median) - LABELS).toFixed(1)}" height="${BAR}" fill="${ours ? '#2563eb' : '#94a3b8'}"/>`,
      `<path d="M${x(value.least).toFixed(1)} ${middle}H${x(value.most).toFixed(1)}" stroke="#dc2626" stroke-width="2"/>`,
      `<text x="${(x(value.most) + 8).toFixed(1)}" y="${middle + 5}">${value.median.toFixed(0)}</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="14">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="16" y="26" font-weight="bold">${escaped(title)}, ${escaped(unit)}</text>
${rows.join('\n')}
</svg>
`;
}

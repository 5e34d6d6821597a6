import { escapeXml } from '@facet/pipeline/benchmark';

/** One behavior of a heat map with its coupling coefficients, one per interest. */
export interface HeatMapRow {
  readonly name: string;
  readonly coefficients: readonly number[];
}

export interface HeatMap {
  readonly title: string;
  /** A line below the title. */
  readonly caption: string;
  readonly rows: readonly HeatMapRow[];
}

const cell = { width: 56, height: 18 };
const margin = { left: 330, top: 64, right: 16, bottom: 12 };
const nameLength = 46;

/** Draws coupling coefficients as SVG, one row per behavior, that follows the light or dark color scheme of the viewer. */
export function drawHeatMap({ title, caption, rows }: HeatMap): string {
  const interests = rows[0]?.coefficients.length ?? 0;
  const width = margin.left + interests * cell.width + margin.right;
  const height = margin.top + rows.length * cell.height + margin.bottom;
  const text = (x: number, y: number, content: string, extra = ''): string =>
    `<text x="${x}" y="${y}"${extra}>${escapeXml(content)}</text>`;
  const cells = rows.flatMap(({ name, coefficients }, row) => {
    const y = margin.top + row * cell.height;
    return [
      text(margin.left - 8, y + 13, shorten(name), ' text-anchor="end"'),
      ...coefficients.map((value, interest) => {
        const x = margin.left + interest * cell.width;
        const area = `x="${x}" y="${y}" width="${cell.width - 2}" height="${cell.height - 2}"`;
        return `<rect ${area} fill="#0072b2" fill-opacity="${value.toFixed(2)}"><title>${value.toFixed(3)}</title></rect>`;
      }),
    ];
  });
  const heads = Array.from({ length: interests }, (_, interest) =>
    text(margin.left + (interest + 0.5) * cell.width, margin.top - 6, String(interest + 1), ' text-anchor="middle"'),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">`,
    '<style>text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:14px}rect{stroke:#d0d7de}',
    '@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect{stroke:#3d444d}}</style>',
    text(16, 20, title, ' class="title"'),
    text(16, 38, caption),
    ...heads,
    ...cells,
    '</svg>',
    '',
  ].join('\n');
}

function shorten(name: string): string {
  return name.length <= nameLength ? name : `${name.slice(0, nameLength - 1)}…`;
}

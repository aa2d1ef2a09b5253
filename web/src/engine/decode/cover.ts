/** Classes of land cover made into the colours of the ground. */

import { type Bundle, need } from "./bundle";

export interface Cover {
  width: number;
  height: number;
  /** Class of every cell, row by row from the south-west; what stands on the ground gives way to what lies around it. */
  cells: Uint8Array<ArrayBuffer>;
}

/** Cover of the ground: cells of the classes `above` (buildings, roads) take the nearest class beside them. */
export function coverOf(bundle: Bundle, above: readonly number[]): Cover {
  const width = Number(bundle.head.width);
  const height = Number(bundle.head.height);
  const source = need<Uint8Array>(bundle, "class");
  const cells = new Uint8Array(width * height);
  for (let j = 0; j < height; j++)
    cells.set(source.subarray((height - 1 - j) * width, (height - j) * width), j * width);
  fill(cells, width, height, new Set(above));
  return { width, height, cells };
}

/** Breadth-first from the border of the gaps inward: every step takes the class of a neighbour. */
function fill(cells: Uint8Array, width: number, height: number, gaps: Set<number>): void {
  const open = new Uint8Array(cells.length);
  for (let i = 0; i < cells.length; i++) open[i] = gaps.has(cells[i]) ? 1 : 0;
  let front: number[] = [];
  const beside = (i: number): number[] => [
    i % width > 0 ? i - 1 : i,
    i % width < width - 1 ? i + 1 : i,
    i >= width ? i - width : i,
    i < width * (height - 1) ? i + width : i,
  ];
  for (let i = 0; i < cells.length; i++) if (!open[i] && beside(i).some((k) => open[k])) front.push(i);
  while (front.length) {
    const next: number[] = [];
    for (const i of front)
      for (const k of beside(i))
        if (open[k]) {
          open[k] = 0;
          cells[k] = cells[i];
          next.push(k);
        }
    front = next;
  }
}

/** RGBA of every cell; `palette` holds red, green and blue by class. */
export function coverColours(cover: Cover, palette: Uint8Array): Uint8Array<ArrayBuffer> {
  const colours = new Uint8Array(cover.cells.length * 4);
  const words = new Uint32Array(colours.buffer);
  const table = new Uint32Array(256);
  for (let k = 0; k < 256; k++)
    table[k] = (palette[k * 3] | (palette[k * 3 + 1] << 8) | (palette[k * 3 + 2] << 16) | 0xff000000) >>> 0;
  for (let i = 0; i < words.length; i++) words[i] = table[cover.cells[i]];
  return colours;
}

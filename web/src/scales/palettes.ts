/** Colours that readers with any colour vision can tell apart, with their sources. */

export type Rgb = readonly [red: number, green: number, blue: number];

export function rgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

export const css = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;

const ramp = (colours: string): readonly Rgb[] => colours.split(" ").map(rgb);

/** N. Smith and S. van der Walt 2015, matplotlib, CC0: every eighth of `viridis`, dark to bright. */
export const VIRIDIS = ramp("#440154 #472d7b #3b528b #2c728e #21918c #28ae80 #5ec962 #addc30 #fde725");

/**
 * C. A. Brewer, ColorBrewer 2.0, YlGnBu with nine classes, Apache-2.0, without the palest, which a white model would swallow:
 * low values sink into paper, high ones stand out like ink.
 */
export const YL_GN_BU = ramp("#edf8b1 #c7e9b4 #7fcdbb #41b6c4 #1d91c0 #225ea8 #253494 #081d58");

/** C. A. Brewer, ColorBrewer 2.0, BrBG with nine classes, Apache-2.0: from brown over white to teal. */
export const BR_BG = ramp("#8c510a #bf812d #dfc27d #f6e8c3 #f5f5f5 #c7eae5 #80cdc1 #35978f #01665e");

/** M. Okabe and K. Ito 2008, Color Universal Design, jfly.uni-koeln.de/color; black, which would read as shade, left out. */
export const OKABE_ITO = ramp("#e69f00 #56b4e9 #009e73 #f0e442 #0072b2 #d55e00 #cc79a7");

/** P. Tol 2021, Colour schemes, SRON/EPS/TN/09-002 issue 3.2, scheme `muted`: for those that come after the first seven. */
export const TOL_MUTED = ramp("#332288 #88ccee #44aa99 #117733 #999933 #ddcc77 #cc6677 #882255 #aa4499");

/** Rest of the categories, after those that have a colour of their own. */
export const REST: Rgb = rgb("#9a9a94");

/** Colour at a place along a ramp, 0 … 1, straight between its steps in sRGB. */
export function along(colours: readonly Rgb[], place: number): Rgb {
  const at = Math.min(Math.max(place, 0), 1) * (colours.length - 1);
  const low = Math.min(Math.floor(at), colours.length - 2);
  const share = at - low;
  const mix = (channel: 0 | 1 | 2): number =>
    Math.round(colours[low][channel] * (1 - share) + colours[low + 1][channel] * share);
  return [mix(0), mix(1), mix(2)];
}

/** Colours of `n` classes, spread evenly; ends of the ramp included. */
export function classColours(colours: readonly Rgb[], n: number): Rgb[] {
  return Array.from({ length: n }, (_, i) => along(colours, n === 1 ? 0.5 : i / (n - 1)));
}

/** Contrast between two colours, 1 … 21 (W3C, WCAG 2.2, relative luminance). */
export function contrast(a: Rgb, b: Rgb): number {
  const luminance = (colour: Rgb): number => {
    const [red, green, blue] = colour.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (bright + 0.05) / (dark + 0.05);
}

/** Values of a layer as textures: a code for every row, and the colours they stand for. No geometry moves with them. */

import * as THREE from "three";
import type { Paint } from "../contract";

/** Codes in a row of the texture; shaders divide by it with a shift. */
const WIDTH = 2048;

export const PAINT_GLSL = /* glsl */ `
uniform highp usampler2D uCodes, uNextCodes;
uniform sampler2D uRamp;
uniform vec4 uPaint; // 0 none, 1 graded, 2 category; largest code; share of the next codes; colours in the ramp
uniform ivec2 uMarked; // rows pointed at and chosen

uint codeAt(highp usampler2D codes, int row) { return texelFetch(codes, ivec2(row & 2047, row >> 11), 0).r; }

// Colour of a row; state is 0 for plain, 1 for painted, 2 for missing.
vec4 paintOf(int row, out float state) {
  state = 0.0;
  if (uPaint.x == 0.0) return vec4(0.0, 0.0, 0.0, 1.0);
  float a = float(codeAt(uCodes, row));
  if (uPaint.z > 0.0) {
    float b = float(codeAt(uNextCodes, row));
    a = uPaint.x == 1.0 && a > 0.0 && b > 0.0 ? mix(a, b, uPaint.z) : uPaint.z < 0.5 ? a : b;
  }
  state = a == 0.0 ? 2.0 : 1.0;
  if (uPaint.x == 2.0) return texelFetch(uRamp, ivec2(max(int(a) - 1, 0), 0), 0);
  float t = (a - 1.0) / (uPaint.y - 1.0);
  return texture(uRamp, vec2((0.5 + t * (uPaint.w - 1.0)) / uPaint.w, 0.5));
}

float marking(int row) { return row == uMarked.y ? 0.82 : row == uMarked.x ? 0.38 : 0.0; }
`;

export class PaintTextures {
  readonly uniforms = {
    uCodes: { value: codes(new Uint8Array(1)) },
    uNextCodes: { value: null as THREE.DataTexture | null },
    uRamp: { value: ramp(new Uint8Array(4)) },
    uPaint: { value: new THREE.Vector4(0, 255, 0, 1) },
    uMarked: { value: new Int32Array([-1, -1]) },
  };
  paint: Paint | null = null;
  #next: Paint | null = null;
  bytes = 0;

  constructor() {
    this.uniforms.uNextCodes.value = this.uniforms.uCodes.value;
  }

  set(paint: Paint | null): void {
    const { uCodes, uNextCodes, uRamp, uPaint } = this.uniforms;
    // Stepping from hour to hour hands the same codes over: they are on the card already.
    const reused = paint && this.#next && paint.codes === this.#next.codes;
    const old = uCodes.value;
    if (reused) uCodes.value = uNextCodes.value!;
    else {
      uCodes.value = codes(paint ? paint.codes : new Uint8Array(1));
      if (uNextCodes.value !== old) uNextCodes.value!.dispose();
    }
    old.dispose();
    uNextCodes.value = uCodes.value;
    this.paint = paint;
    this.#next = null;
    this.bytes = paint ? uCodes.value.image.width * uCodes.value.image.height * paint.codes.BYTES_PER_ELEMENT : 0;
    uRamp.value.dispose();
    uRamp.value = ramp(paint ? paint.colours : new Uint8Array(4));
    const graded = paint?.scale.type === "graded";
    const largest = paint && paint.codes.BYTES_PER_ELEMENT === 1 ? 255 : 65535;
    uPaint.value.set(paint ? (graded ? 1 : 2) : 0, largest, 0, uRamp.value.image.width);
  }

  blend(next: Paint | null, share: number): void {
    const { uCodes, uNextCodes, uPaint } = this.uniforms;
    if (next !== this.#next) {
      if (uNextCodes.value !== uCodes.value) uNextCodes.value!.dispose();
      uNextCodes.value = next ? codes(next.codes) : uCodes.value;
      this.#next = next;
    }
    uPaint.value.z = next ? share : 0;
  }

  mark(hover: number, selected: number): void {
    this.uniforms.uMarked.value[0] = hover;
    this.uniforms.uMarked.value[1] = selected;
  }

  dispose(): void {
    for (const { value } of [this.uniforms.uCodes, this.uniforms.uNextCodes, this.uniforms.uRamp]) value?.dispose();
  }
}

function codes(values: Uint8Array | Uint16Array): THREE.DataTexture {
  const height = Math.max(1, Math.ceil(values.length / WIDTH));
  const Kind = values instanceof Uint16Array ? Uint16Array : Uint8Array;
  const data = new Kind(WIDTH * height);
  data.set(values);
  const wide = Kind === Uint16Array;
  const texture = new THREE.DataTexture(
    data,
    WIDTH,
    height,
    THREE.RedIntegerFormat,
    wide ? THREE.UnsignedShortType : THREE.UnsignedByteType,
  );
  texture.internalFormat = wide ? "R16UI" : "R8UI";
  texture.unpackAlignment = 1;
  texture.needsUpdate = true;
  texture.onUpdate = () => void (texture.image.data = null as never);
  return texture;
}

function ramp(colours: Uint8Array): THREE.DataTexture {
  const n = Math.max(1, colours.length >> 2);
  const texture = new THREE.DataTexture(Uint8Array.from(colours), n, 1, THREE.RGBAFormat);
  texture.minFilter = texture.magFilter = THREE.LinearFilter;
  texture.needsUpdate = true;
  return texture;
}

/** Colour of a code as the shader draws it, 0 … 255; null where the value is missing. */
export function colourOf(paint: Paint, code: number): [number, number, number, number] | null {
  if (code === 0) return null;
  const n = paint.colours.length >> 2;
  const largest = paint.codes.BYTES_PER_ELEMENT === 1 ? 255 : 65535;
  const at = paint.scale.type === "graded" ? ((code - 1) / (largest - 1)) * (n - 1) : code - 1;
  const low = Math.floor(at);
  const high = Math.min(n - 1, low + 1);
  return [0, 1, 2, 3].map((k) =>
    Math.round(paint.colours[low * 4 + k] * (1 - at + low) + paint.colours[high * 4 + k] * (at - low)),
  ) as [number, number, number, number];
}

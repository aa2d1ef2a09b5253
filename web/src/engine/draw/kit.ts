/** What all layers draw with: shared uniforms, pieces of shader code, tables as textures. */

import * as THREE from "three";
import type { Frame } from "../decode/bundle";
import { WIDTH } from "../decode/texels";

export type Uniforms = Record<string, THREE.IUniform>;

/** Uniforms that are the same for every layer; layers hold the very objects, so one write reaches all. */
export function sharedUniforms() {
  const nothing = new THREE.DataTexture(new Uint8Array(4), 1, 1);
  nothing.needsUpdate = true;
  const noDepth = new THREE.DepthTexture(1, 1);
  noDepth.compareFunction = THREE.LessEqualCompare;
  return {
    uSun: { value: new THREE.Vector3(0, 0, 1) },
    uAmbient: { value: new THREE.Vector3(0.7, 0.7, 0.7) },
    uSunlight: { value: new THREE.Vector3(0.3, 0.3, 0.3) },
    uShadow: { value: 0 },
    uShadowTexel: { value: new THREE.Vector2(1, 1) },
    uShadowMatrix: { value: new THREE.Matrix4() },
    uShadowMap: { value: noDepth as THREE.Texture },
    uHeights: { value: nothing as THREE.Texture },
    uHeightsFrame: { value: new THREE.Vector4(0, 0, 0, 0) },
    /** How dark corners are; 0 while heights are unknown. */
    uOcclusion: { value: 0 },
    uHaze: { value: new THREE.Vector4(0, 0, 0, 0) },
    uHazeColour: { value: new THREE.Vector3(1, 1, 1) },
    /** Metres that a pixel covers at a distance of 1 m. */
    uPixel: { value: 0.001 },
    /** Pixels of the picture for one of the page. */
    uScale: { value: 1 },
    uNight: { value: 0 },
    /** 1: materials with windows; 0: a model. */
    uReal: { value: 0 },
    uAccent: { value: new THREE.Vector3(1, 0.4, 0) },
    uMissingA: { value: new THREE.Vector3(0.8, 0.8, 0.8) },
    uMissingB: { value: new THREE.Vector3(0.7, 0.7, 0.7) },
  } satisfies Uniforms;
}

export type Shared = ReturnType<typeof sharedUniforms>;

const HEAD = /* glsl */ `
precision highp float;
precision highp int;
precision highp sampler2D;
uniform mat4 viewMatrix, projectionMatrix;
uniform vec3 cameraPosition;
`;

export const TEXEL_GLSL = /* glsl */ `
uniform vec4 uFrame; // x0, y0, z0, step
uniform float uStepZ;
uvec4 texel(highp usampler2D table, int i) { return texelFetch(table, ivec2(i & 1023, i >> 10), 0); }
vec2 place(uint xy) { return uFrame.xy + uFrame.w * vec2(float(xy & 65535u), float(xy >> 16)); }
float level(uint z) { return uFrame.z + uStepZ * float(z & 65535u); }
`;

/** Moves a place towards the eye: it stays where it is in the picture, and wins against the ground it lies on. */
export const LIFT_GLSL = /* glsl */ `
uniform float uLift;
vec3 lifted(vec3 p, float more) {
  vec3 away = cameraPosition - p;
  float distance = length(away);
  return p + away / distance * min(uLift + more + distance * (0.0012 + 0.0006 * more), distance * 0.5);
}
`;

export const LIGHT_GLSL = /* glsl */ `
precision highp sampler2DShadow;
uniform vec3 uSun, uAmbient, uSunlight, uHazeColour, uAccent, uMissingA, uMissingB;
uniform float uShadow, uOcclusion, uNight, uReal, uScale;
uniform vec2 uShadowTexel;
uniform mat4 uShadowMatrix;
uniform sampler2DShadow uShadowMap;
uniform sampler2D uHeights;
uniform vec4 uHeightsFrame, uHaze;

// Share of the sun that reaches a place, 0 … 1. Four fetches of a filtered map make a soft border.
float sunlit(vec3 p, vec3 n) {
  vec3 q = (uShadowMatrix * vec4(p + n * uShadowTexel.y, 1.0)).xyz;
  vec2 border = abs(q.xy - 0.5);
  if (q.z > 1.0 || max(border.x, border.y) > 0.5) return 1.0;
#ifdef COARSE
  return texture(uShadowMap, q);
#else
  vec2 r = vec2(0.75, -0.75) * uShadowTexel.x;
  float light = texture(uShadowMap, q + vec3(r.xx, 0.0)) + texture(uShadowMap, q + vec3(r.xy, 0.0))
    + texture(uShadowMap, q + vec3(r.yx, 0.0)) + texture(uShadowMap, q + vec3(r.yy, 0.0));
  return mix(light * 0.25, 1.0, smoothstep(0.42, 0.5, max(border.x, border.y)));
#endif
}

// Share of the sky that what stands around leaves open, from heights smoothed over some 6 and 25 m.
// A wall looks away from its own mass.
float openness(vec3 p, vec3 n) {
  vec2 above = max(textureLod(uHeights, (p.xy + n.xy * 7.0 - uHeightsFrame.xy) * uHeightsFrame.zw, 0.0).rg - p.z, 0.0);
  return 1.0 - uOcclusion * (1.0 - 1.0 / (1.0 + 0.07 * above.x + 0.06 * above.y));
}

// Light on a surface; 1 on level ground in the sun.
vec3 light(vec3 p, vec3 n) {
  float facing = dot(n, uSun) / max(uSun.z, 0.05);
  float direct = clamp(facing, 0.0, 1.1);
  if (uShadow > 0.0 && direct > 0.0) direct *= mix(1.0, sunlit(p, n), uShadow);
  float sky = 0.5 + 0.5 * n.z;
  vec3 e = uAmbient * mix(0.84, 1.0, sky) + uSunlight * direct;
  return uOcclusion > 0.0 ? e * openness(p, n) : e;
}

vec3 hazed(vec3 colour, vec3 p, vec3 eye) {
  if (uHaze.z == 0.0) return colour;
  float d = max(distance(p, eye) - uHaze.x, 0.0) * uHaze.y;
  return mix(colour, uHazeColour, uHaze.z * (1.0 - exp(-d)));
}

vec3 hatched(vec2 pixel) {
  return mix(uMissingA, uMissingB, step(0.62, fract((pixel.x + pixel.y) / (7.0 * uScale))));
}
`;

const CAST_FRAGMENT = /* glsl */ `
in float vLevel;
out vec4 colour;
void main() { colour = vec4(vLevel, 0.0, 0.0, 1.0); }
`;

interface Options {
  shared: Shared;
  uniforms: Uniforms;
  vertex: string;
  fragment: string;
  parameters?: THREE.ShaderMaterialParameters;
}

/** Where there is no graphics card every fetch counts, and every line that is compiled. */
let coarse = false;
export const makeCoarse = (on: boolean): void => void (coarse = on);

/** A material of a layer: `uniforms` on top of the shared ones. */
export function material({ shared, uniforms, vertex, fragment, parameters }: Options): THREE.RawShaderMaterial {
  return new THREE.RawShaderMaterial({
    glslVersion: THREE.GLSL3,
    uniforms: { ...shared, ...uniforms },
    defines: coarse ? { COARSE: 1 } : {},
    vertexShader: HEAD + vertex,
    fragmentShader: HEAD + fragment,
    ...parameters,
  });
}

/** The same surface as it casts shadows: the vertex code runs with CAST defined, and gives `vLevel`. */
export function casterMaterial({ shared, uniforms, vertex, parameters }: Options): THREE.RawShaderMaterial {
  return new THREE.RawShaderMaterial({
    glslVersion: THREE.GLSL3,
    uniforms: { ...shared, ...uniforms },
    defines: { CAST: 1 },
    vertexShader: HEAD + vertex,
    fragmentShader: HEAD + CAST_FRAGMENT,
    ...parameters,
    side: THREE.DoubleSide,
  });
}

/** Texels as a texture; the numbers leave memory once they are on the card. */
export function texelTexture(data: Uint32Array<ArrayBuffer>): THREE.DataTexture {
  const height = data.length / 4 / WIDTH;
  const texture = new THREE.DataTexture(data, WIDTH, height, THREE.RGBAIntegerFormat, THREE.UnsignedIntType);
  texture.internalFormat = "RGBA32UI";
  texture.needsUpdate = true;
  texture.onUpdate = () => void (texture.image.data = null as never);
  return texture;
}

export function frameUniforms(frame: Frame): Uniforms {
  return {
    uFrame: { value: new THREE.Vector4(frame.x0, frame.y0, frame.z0, frame.step) },
    uStepZ: { value: frame.z_step },
  };
}

/** Quadrangles that one draw can hold: their corners are counted in two bytes. */
export const QUADS = 16384;

const quads = new Uint16Array(QUADS * 6);
for (let q = 0; q < QUADS; q++)
  quads.set(
    [0, 1, 2, 0, 2, 3].map((corner) => q * 4 + corner),
    q * 6,
  );
export const QUAD_INDEX = new THREE.BufferAttribute(quads, 1);

/** `count` quadrangles without attributes: corner 4 q + 0 … 3 is all that a shader is told. */
export function quadGeometry(count: number, sphere: THREE.Sphere): THREE.BufferGeometry {
  const geometry = new THREE.BufferGeometry();
  geometry.setIndex(QUAD_INDEX);
  geometry.setDrawRange(0, count * 6);
  geometry.boundingSphere = sphere;
  return geometry;
}

export function indexGeometry(index: Uint16Array | Uint32Array, sphere: THREE.Sphere): THREE.BufferGeometry {
  const geometry = new THREE.BufferGeometry();
  const attribute = new THREE.BufferAttribute(index, 1);
  dropAfterUpload(attribute);
  geometry.setIndex(attribute);
  geometry.boundingSphere = sphere;
  return geometry;
}

export function dropAfterUpload(attribute: THREE.BufferAttribute): void {
  attribute.onUpload(function (this: THREE.BufferAttribute) {
    this.array = new (this.array.constructor as new (n: number) => THREE.TypedArray)(0);
  });
}

export function sphereOf(low: readonly number[], high: readonly number[]): THREE.Sphere {
  const a = new THREE.Vector3().fromArray(low as number[]);
  const b = new THREE.Vector3().fromArray(high as number[]);
  return new THREE.Box3(a, b).getBoundingSphere(new THREE.Sphere());
}

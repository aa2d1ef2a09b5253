/** Reading of bundles, the binary files of a scene: see docs/reference/scene-format.md. Pure; runs in a worker as well. */

export interface Frame {
  x0: number;
  y0: number;
  z0: number;
  /** Metres of one step in x and y, and in z. */
  step: number;
  z_step: number;
}

export type Numbers = Uint8Array | Uint16Array | Uint32Array | Int16Array | Float32Array;

export interface Bundle {
  head: Record<string, unknown>;
  frame: Frame;
  arrays: Record<string, Numbers>;
}

interface Entry {
  type: keyof typeof KINDS;
  length: number;
  offset: number;
  delta?: boolean;
}

const MAGIC = 0x31425344; // "DSB1", little-endian
const KINDS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i16: Int16Array, f32: Float32Array };

/**
 * Take a bundle apart. Arrays are views of `buffer`; sums of differences are taken in place.
 *
 * @throws RangeError where the bytes are no bundle, or fewer than it promises.
 */
export function readBundle(buffer: ArrayBuffer): Bundle {
  const view = new DataView(buffer);
  if (buffer.byteLength < 8 || view.getUint32(0, true) !== MAGIC) throw new RangeError("not a bundle");
  const length = view.getUint32(4, true);
  if (8 + length > buffer.byteLength) throw new RangeError("bundle is cut short");
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length))) as Record<string, unknown>;
  const arrays: Record<string, Numbers> = {};
  for (const [name, entry] of Object.entries((head.arrays ?? {}) as Record<string, Entry>)) {
    const kind = KINDS[entry.type];
    if (!kind) throw new RangeError(`array ${name} has the unknown type ${entry.type}`);
    if (entry.offset + entry.length * kind.BYTES_PER_ELEMENT > buffer.byteLength)
      throw new RangeError(`array ${name} is cut short`);
    const values = new kind(buffer, entry.offset, entry.length);
    if (entry.delta) for (let i = 1; i < values.length; i++) values[i] += values[i - 1]; // wraps as the type does
    arrays[name] = values;
  }
  const frame = { x0: 0, y0: 0, z0: 0, step: 1, z_step: 1, ...(head.frame as Partial<Frame> | undefined) };
  return { head, frame, arrays };
}

/** An array that the layer cannot do without. */
export function need<T extends Numbers>(bundle: Bundle, name: string): T {
  const values = bundle.arrays[name];
  if (!values) throw new RangeError(`bundle has no array ${name}`);
  return values as T;
}

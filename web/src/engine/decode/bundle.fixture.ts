/** A bundle as `docs/reference/scene-format.md` describes it, written by hand. */
export function bundleOf(
  arrays: Record<string, { values: Uint8Array | Uint16Array | Uint32Array | Float32Array; delta?: boolean }>,
  head: object = {},
): ArrayBuffer {
  const types = new Map<unknown, string>([
    [Uint8Array, "u8"],
    [Uint16Array, "u16"],
    [Uint32Array, "u32"],
    [Float32Array, "f32"],
  ]);
  const room = 4096;
  let offset = room;
  const entries: Record<string, object> = {};
  const places: [number, Uint8Array][] = [];
  for (const [name, { values, delta }] of Object.entries(arrays)) {
    entries[name] = { type: types.get(values.constructor), length: values.length, offset, ...(delta ? { delta } : {}) };
    places.push([offset, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]);
    offset += Math.ceil(values.byteLength / 8) * 8;
  }
  const json = new TextEncoder().encode(JSON.stringify({ ...head, arrays: entries }));
  const bytes = new Uint8Array(offset);
  bytes.set(new TextEncoder().encode("DSB1"));
  new DataView(bytes.buffer).setUint32(4, json.length, true);
  bytes.set(json, 8);
  for (const [at, values] of places) bytes.set(values, at);
  return bytes.buffer;
}

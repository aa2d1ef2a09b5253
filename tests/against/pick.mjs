// Reads a tileset with 3d-tiles-renderer and says which features rays from space hit first.
//
// node pick.mjs FOLDER < rays.json    with rays.json: [[[x, y, z], [dx, dy, dz]], …], geocentric, in metres
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Mesh, PerspectiveCamera, Raycaster, Triangle, Vector3 } from "three";
import { MeshoptDecoder } from "three/addons/libs/meshopt_decoder.module.js";
import { GLTFExtensionsPlugin } from "3d-tiles-renderer/plugins";
import { TilesRenderer } from "3d-tiles-renderer/three";

globalThis.self ??= globalThis;
globalThis.window ??= { location: new URL("http://tiles.invalid/") };
globalThis.requestAnimationFrame ??= (work) => setTimeout(work, 0);
globalThis.cancelAnimationFrame ??= clearTimeout;

const folder = path.resolve(process.argv[2]);
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const rays = JSON.parse(Buffer.concat(chunks).toString());

const tiles = new TilesRenderer("http://tiles.invalid/tileset.json");
tiles.registerPlugin(new GLTFExtensionsPlugin({ meshoptDecoder: MeshoptDecoder, metadata: true }));
tiles.registerPlugin({
  async fetchData(url) {
    return new Response(await readFile(path.join(folder, new URL(url).pathname)));
  },
});
const failures = [];
tiles.addEventListener("load-error", ({ error, url }) => failures.push(`${url}: ${error.message}`));
tiles.errorTarget = Number(process.argv[3] ?? 0.01); // everything in view in full detail

const camera = new PerspectiveCamera(60, 1, 1, 1e7);
const [origin, direction] = rays[0].map((values) => new Vector3(...values));
camera.position.copy(origin);
camera.lookAt(origin.clone().add(direction));
camera.updateMatrixWorld();
tiles.setCamera(camera);
tiles.setResolution(camera, 2000, 2000);

const started = Date.now();
let quiet = 0;
while (quiet < 5 && !failures.length && Date.now() - started < 60_000) {
  tiles.update();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { downloading, parsing, queued = 0 } = tiles.stats;
  quiet = tiles.root && !downloading && !parsing && !queued ? quiet + 1 : 0;
}
tiles.group.updateMatrixWorld(true);

const corner = new Vector3();
const triangle = new Triangle();
const hits = rays.map(([from, towards]) => {
  const caster = new Raycaster(new Vector3(...from), new Vector3(...towards).normalize());
  const hit = caster.intersectObject(tiles.group, true)[0];
  if (!hit) return null;
  const { object, face, point } = hit;
  const found = { layer: object.name, point: point.toArray() };
  const features = object.userData.meshFeatures?.getFeatureInfo();
  if (features?.length) {
    const position = object.geometry.getAttribute("position");
    triangle.setFromAttributeAndIndices(position, face.a, face.b, face.c);
    for (const name of ["a", "b", "c"]) triangle[name].applyMatrix4(object.matrixWorld);
    triangle.getBarycoord(point, corner);
    const { attribute, propertyTable } = features[0];
    const id = object.geometry.getAttribute(`_feature_id_${attribute}`).getX(face.a);
    found.feature = object.userData.structuralMetadata.getPropertyTableData([propertyTable], [id])[0];
  }
  return found;
});
let meshes = 0;
tiles.group.traverse((object) => (meshes += object instanceof Mesh));
console.log(JSON.stringify({ hits, failures, meshes, stats: tiles.stats }));
process.exit(0);

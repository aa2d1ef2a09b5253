/** The first and smallest script: asks for the city, the engine and the app all at once. */

import "./app.css";
import { ahead } from "./api/bytes";
import { sceneFiles, scenePath } from "./api/scene";
import type { Study } from "./api/types";
import type { Scene } from "./engine/contract";
import { isShown } from "./layers";
import { readAddress } from "./state/address";

const engine = import("./engine");
engine.catch(() => {}); // the view asks again

/** What the city that the address asks for is drawn from: the app, once it is there, finds it on its way. */
async function fetchCity(): Promise<void> {
  const address = readAddress(location.hash);
  const { cities } = (await aheadJson("api/study")) as Study;
  const city = cities.find(({ id }) => id === address.city) ?? cities[0];
  if (!city) return;
  const described = aheadJson(scenePath(city.key, "scene.json"));
  void ahead(`api/cities/${city.key}/tables`);
  const [scene, { prepare }] = await Promise.all([described, engine]);
  const shown = (name: string): boolean => isShown(name, address.layers);
  prepare(scene as Scene, sceneFiles(city.key), shown, address.camera?.target);
}

async function aheadJson(path: string): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await ahead(path)));
}

/** The app waits so long for the files of the city to be on their way: making it keeps the page busy [ms]. */
const PATIENCE_MS = 300;

const asked = fetchCity().catch(() => {}); // the app asks again, and says what is wrong
const patience = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS));
// Not awaited here: the app shares code with this module, which has to end first.
void Promise.race([asked, patience])
  .then(() => import("./start"))
  .then(({ start }) => start(document.getElementById("app")!));

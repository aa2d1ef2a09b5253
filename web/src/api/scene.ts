/** Files of the scene of a city. */

import type { Files } from "../engine/contract";
import { bytes, isAlone } from "./bytes";

export const scenePath = (key: string, file: string): string => `api/scenes/${key}/${file}`;

export const sceneFiles = (key: string): Files => ({
  read: (file, signal) => bytes(scenePath(key, file), signal),
  address: isAlone() ? undefined : (file) => new URL(scenePath(key, file), document.baseURI).href,
});

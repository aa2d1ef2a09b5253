/** What every panel can reach: the settings of the page, and the pane it stands beside. */

import { createContext } from "svelte";
import type { Pane } from "../state/pane.svelte";
import type { Settings } from "../state/settings.svelte";

export const [getSettings, setSettings] = createContext<Settings>();
export const [getPane, setPane] = createContext<Pane>();

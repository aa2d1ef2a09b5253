/** What every panel can reach: the settings of the page, the pane it stands beside, the scenarios of the study. */

import { createContext } from "svelte";
import type { Comparison } from "../state/comparison.svelte";
import type { Energy } from "../state/energy.svelte";
import type { Pane } from "../state/pane.svelte";
import type { Scenarios } from "../state/scenarios.svelte";
import type { Settings } from "../state/settings.svelte";
import type { Transport } from "../state/transport.svelte";

export const [getSettings, setSettings] = createContext<Settings>();
export const [getPane, setPane] = createContext<Pane>();
export const [getScenarios, setScenarios] = createContext<Scenarios>();
export const [getComparison, setComparison] = createContext<Comparison>();
export const [getEnergy, setEnergy] = createContext<Energy>();
export const [getTransport, setTransport] = createContext<Transport>();
/** Opens another panel by its name. */
export const [getOpen, setOpen] = createContext<(panel: string) => void>();

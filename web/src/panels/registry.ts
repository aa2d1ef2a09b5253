/** The panels on offer. One more panel is one more line: the rail, the sheets of the phone and the keys follow. */

import type { Component } from "svelte";
import type { Texts } from "../i18n/en";
import type { IconName } from "../icons/icons";
import ComparePanel from "./ComparePanel.svelte";
import EnergyPanel from "./EnergyPanel.svelte";
import LayersPanel from "./LayersPanel.svelte";
import MeasurePanel from "./MeasurePanel.svelte";
import ScenariosPanel from "./ScenariosPanel.svelte";
import SunPanel from "./SunPanel.svelte";
import TablePanel from "./TablePanel.svelte";
import TravelPanel from "./TravelPanel.svelte";
import ViewsPanel from "./ViewsPanel.svelte";

export interface PanelEntry {
  id: string;
  icon: IconName;
  title: (texts: Texts) => string;
  component: Component;
}

export const PANELS: readonly PanelEntry[] = [
  { id: "layers", icon: "layers", title: (texts) => texts.panels.layers, component: LayersPanel },
  { id: "scenarios", icon: "scenarios", title: (texts) => texts.panels.scenarios, component: ScenariosPanel },
  { id: "compare", icon: "compare", title: (texts) => texts.panels.compare, component: ComparePanel },
  { id: "travel", icon: "travel", title: (texts) => texts.panels.travel, component: TravelPanel },
  { id: "energy", icon: "power", title: (texts) => texts.panels.energy, component: EnergyPanel },
  { id: "sun", icon: "sun", title: (texts) => texts.panels.sun, component: SunPanel },
  { id: "measure", icon: "measure", title: (texts) => texts.panels.measure, component: MeasurePanel },
  { id: "views", icon: "views", title: (texts) => texts.panels.views, component: ViewsPanel },
  { id: "table", icon: "table", title: (texts) => texts.panels.table, component: TablePanel },
];

/** The app on the page. */

import { mount } from "svelte";
import App from "./App.svelte";

export const start = (target: HTMLElement): void => void mount(App, { target });

import { defineConfig } from "vite";

/** `npx vite build --config scripts/dev.vite.config.ts --outDir FOLDER` builds the engine without the app. */
export default defineConfig({
  base: "./",
  worker: { format: "es" },
  build: { target: "es2022", emptyOutDir: true, rolldownOptions: { input: "dev.html" } },
});

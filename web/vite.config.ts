import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const TEXT = /\.(js|css|html|svg|json|webmanifest)$/;

/** Every text asset gets its `.br` and `.gz` twin, so that the server never compresses. */
function compressedTwins(folder: string): Plugin {
  return {
    name: "compressed-twins",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
        if (!entry.isFile() || !TEXT.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const bytes = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
      }
    },
  };
}

export default defineConfig({
  // Addresses are relative: the app also runs below a path of another server.
  base: "./",
  plugins: [svelte(), compressedTwins("dist")],
  worker: { format: "es" },
  build: { target: "es2022", outDir: "dist", assetsInlineLimit: 2048, chunkSizeWarningLimit: 900 },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});

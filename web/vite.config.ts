import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { HtmlTagDescriptor, Plugin } from "vite";
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

/** Chunks that the first script asks for, and the first answer of the server, are on their way before it runs. */
function preloads(): Plugin {
  const EARLY = new Set(["start", "engine"]);
  return {
    name: "preloads",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle = {} }) => [
        ...Object.values(bundle)
          .filter((part) => part.type === "chunk" && EARLY.has(part.name))
          .map(({ fileName }) => link({ rel: "modulepreload", href: `./${fileName}` })),
        link({ rel: "preload", as: "fetch", href: "./api/study" }),
      ],
    },
  };
}

const link = (attrs: Record<string, string>): HtmlTagDescriptor => ({
  tag: "link",
  attrs: { ...attrs, crossorigin: true },
  injectTo: "head",
});

export default defineConfig({
  // Addresses are relative: the app also runs below a path of another server.
  base: "./",
  plugins: [svelte(), preloads(), compressedTwins("dist")],
  worker: { format: "es" },
  build: {
    target: "es2022",
    outDir: "dist",
    assetsInlineLimit: 2048,
    chunkSizeWarningLimit: 900,
    cssCodeSplit: false, // one file, asked for by the page itself
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});

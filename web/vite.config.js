// Builds the viewer's script and style into dist/, everything under names that change with their content, and beside them what
// PDF.js loads when a document needs it. Every file that compresses well is written compressed too: the function serves it so.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { defineConfig } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const pdfjs = join(here, "node_modules/pdfjs-dist");
const version = JSON.parse(readFileSync(join(pdfjs, "package.json"), "utf8")).version;
const COMPRESSED = /\.(js|css|svg|wasm|bcmap|pfb|ttf)$/;

function forVitrine() {
  return {
    name: "for-vitrine",
    buildStart() {
      for (const name of readdirSync(join(here, "dist"))) {
        if (name !== ".gitignore") rmSync(join(here, "dist", name), { recursive: true });
      }
    },
    generateBundle(_, bundle) {
      const entry = Object.values(bundle).find((it) => it.type === "chunk" && it.isEntry);
      // The script that a page loads, its icon, then its styles.
      const icon = this.emitFile({ type: "asset", name: "icon.svg", source: readFileSync(join(here, "src/icon.svg")) });
      const names = [entry.fileName, this.getFileName(icon), ...(entry.viteMetadata?.importedCss ?? [])];
      this.emitFile({ type: "asset", fileName: "entry", source: names.join("\n") + "\n" });
      for (const folder of ["cmaps", "standard_fonts", "wasm"]) {
        for (const name of readdirSync(join(pdfjs, folder))) {
          // Every browser that runs the script knows WebAssembly.
          if (name.startsWith("LICENSE") || name.includes("nowasm")) continue;
          const source = readFileSync(join(pdfjs, folder, name));
          this.emitFile({ type: "asset", fileName: `pdfjs-${version}/${folder}/${name}`, source });
        }
      }
    },
    writeBundle(options, bundle) {
      for (const name of Object.keys(bundle).filter((it) => COMPRESSED.test(it))) {
        const path = join(options.dir, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
        rmSync(path);
      }
    },
  };
}

export default defineConfig({
  base: "/view/assets/",
  define: { PDFJS_FOLDER: JSON.stringify(`/view/assets/pdfjs-${version}/`) },
  build: {
    outDir: "dist",
    emptyOutDir: false,
    // The policy of the page allows no `data:` addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // PDF.js is what it is, and comes only with a PDF.
    chunkSizeWarningLimit: 1300,
    target: "es2022",
    rollupOptions: {
      input: "src/main.ts",
      output: { entryFileNames: "[name]-[hash].js", chunkFileNames: "[name]-[hash].js", assetFileNames: "[name]-[hash][extname]" },
    },
  },
  worker: { format: "es" },
  plugins: [forVitrine()],
});

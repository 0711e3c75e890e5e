import { defineConfig } from "vite";

/**
 * The page is served by anime_whisper_ct2/web under a strict content security policy: scripts and styles are files of
 * their own, and where a style has to be inserted it bears the nonce that the server writes in the place of __NONCE__.
 */
export default defineConfig({
  base: "./",
  html: { cspNonce: "__NONCE__" },
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    assetsDir: "assets",
    assetsInlineLimit: 0,
    target: "es2022",
    sourcemap: false,
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
  },
});

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/**
 * The page for the daemon: every file under /page/, its name with its digest, so that a browser keeps it. `csp-nonce`
 * stands where the daemon writes a fresh one for each answer.
 */
// oxlint-disable-next-line import/no-default-export -- Vite reads the default export
export default defineConfig({
  root: import.meta.dirname,
  base: '/page/',
  plugins: [react()],
  html: { cspNonce: 'csp-nonce' },
  build: {
    outDir: 'dist',
    assetsDir: '',
    emptyOutDir: true,
    // A file within a style sheet would be an address that the policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 800,
  },
});

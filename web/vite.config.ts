import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Pages served by `npm run dev` talk to the control API of `make demo` as if it had served them.
const CONTROL = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  server: {
    proxy: {
      "/api": { target: CONTROL, changeOrigin: true },
      "/ws": { target: CONTROL, ws: true, changeOrigin: true },
    },
  },
  build: {
    chunkSizeWarningLimit: 600, // livekit-client is 532 kB, 138 kB on the wire
    rolldownOptions: {
      output: {
        // LiveKit and React change seldom: their chunks stay in the browser's cache between releases.
        codeSplitting: {
          groups: [
            { name: "livekit", test: /node_modules[\\/]livekit-client/ },
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ },
          ],
        },
      },
    },
  },
  test: { include: ["src/**/*.test.ts"], isolate: false, reporters: "dot" },
});

import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv } from 'vite';

// The page and the API share one origin, since the server refuses sockets of foreign pages. The proxy passes
// Host and Origin on as the browser sent them, so to the server the page is its own.
export default defineConfig(({ mode }) => {
  const target = loadEnv(mode, '.', 'SWITCHBOARD_').SWITCHBOARD_URL ?? 'http://127.0.0.1:4000';
  const proxy = { '/graphql': { target, ws: true } };
  return {
    plugins: [react()],
    server: { proxy },
    preview: { proxy },
  };
});

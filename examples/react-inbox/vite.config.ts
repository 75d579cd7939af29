import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv } from 'vite';

// The page and the API must share one origin, because the server refuses sockets of other origins. The proxy
// forwards Host and Origin unchanged, so to the server the page has its own origin.
export default defineConfig(({ mode }) => {
  const target = loadEnv(mode, '.', 'SWITCHBOARD_').SWITCHBOARD_URL ?? 'http://127.0.0.1:4000';
  const proxy = { '/graphql': { target, ws: true } };
  return {
    plugins: [react()],
    server: { proxy },
    preview: { proxy },
  };
});

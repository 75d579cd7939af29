import type { CodegenConfig } from '@graphql-codegen/cli';

// Reads the server's schema and the operations in src, and writes their types to src/gql.
const config: CodegenConfig = {
  schema: '../../schema.graphql',
  documents: ['src/**/*.{ts,tsx}', '!src/gql/**'],
  generates: {
    './src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        enumsAsTypes: true,
        strictScalars: true,
        useTypeImports: true,
        scalars: { DateTime: 'string', E164: 'string', EventCursor: 'string' },
      },
    },
  },
};

export default config;

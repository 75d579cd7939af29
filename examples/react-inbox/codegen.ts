import type { CodegenConfig } from '@graphql-codegen/cli';

// Generates the types of the operations in src into src/gql, from the server's schema.
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

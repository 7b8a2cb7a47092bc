import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import { defineConfig } from 'eslint/config';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

export default defineConfig(
  { ignores: ['dist', 'dist-mock', 'src/lib/ipc/bindings.ts'] },
  js.configs.recommended,
  ts.configs.recommended,
  svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { extraFileExtensions: ['.svelte'], parser: ts.parser, svelteConfig } },
  },
  {
    // What is shipped comes from src alone: the mock host and the tests lie beside it.
    files: ['src/**'],
    ignores: ['src/lib/kit/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^bits-ui', message: 'Use $lib/kit.' },
            { regex: '(^|/)(mock|tests|e2e)/', message: 'Not a part of the app.' },
          ],
        },
      ],
    },
  },
  {
    // The kit knows words, errors and looks, and no page, store or host; pages know the kit and not what it is made of.
    files: ['src/lib/kit/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '(^|/)(mock|tests|e2e)/', message: 'Not a part of the app.' },
            { regex: '^(\\$host|\\$lib/(components|stores|router)/)', message: 'Not known to the kit.' },
          ],
        },
      ],
    },
  },
  {
    // Numbers and times are written by $lib/format, so that all of them follow the language in use.
    files: ['src/**'],
    ignores: ['src/lib/format/**'],
    rules: {
      'no-restricted-globals': ['error', { name: 'Intl', message: 'Use $lib/format.' }],
      'no-restricted-properties': [
        'error',
        ...['toFixed', 'toPrecision', 'toLocaleString', 'toLocaleDateString', 'toLocaleTimeString'].map(
          (property) => ({ property, message: 'Use $lib/format.' }),
        ),
      ],
    },
  },
  {
    rules: {
      // `const { [id]: _gone, ...rest } = map` is how an entry is left out.
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
      // A space at the end of a line is `{' '}`: prettier writes it so.
      'svelte/no-useless-mustaches': 'off',
      // The maps of the stores are caches that no page depends on.
      'svelte/prefer-svelte-reactivity': 'off',
    },
  },
);

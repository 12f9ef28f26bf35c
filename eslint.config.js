import tseslint from 'typescript-eslint';

/** Time and randomness are arguments: the one lint rule that keeps every unit test deterministic. */
const timeAndChance = [
  { object: 'Date', property: 'now', message: 'Take a Clock (kernel/clock.ts).' },
  { object: 'performance', property: 'now', message: 'Take a Clock (kernel/clock.ts).' },
  { object: 'Math', property: 'random', message: 'Take a Random (kernel/random.ts).' },
  { object: 'globalThis', property: 'setTimeout', message: 'Take a Clock (kernel/clock.ts).' },
  { object: 'AbortSignal', property: 'timeout', message: 'Take a Clock (kernel/clock.ts).' },
];
const timers = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval'].map((name) => ({
  name,
  message: 'Take a Clock (kernel/clock.ts).',
}));

const hiddenTimeAndChance = [
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Take a Clock (kernel/clock.ts).' },
  {
    selector: 'MemberExpression[object.name="globalThis"]',
    message: 'Name the global itself, so that the rules see it.',
  },
  {
    selector: 'MemberExpression[object.name="process"][property.name="hrtime"]',
    message: 'Take a Clock (kernel/clock.ts).',
  },
];
const timerModules = ['timers', 'timers/promises', 'crypto'].flatMap((name) => [name, `node:${name}`]);

export default tseslint.config(
  { ignores: ['dist/**', '**/node_modules/**', '.cache/**', 'bench/.build/**', 'bench/results/**'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      eqeqeq: ['error', 'always'],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    files: ['src/**/*.ts'],
    // The fault proxy is made of real sockets and real time.
    ignores: ['src/kernel/clock.ts', 'src/kernel/next-turn.ts', 'src/kernel/random.ts', 'src/testing/**'],
    rules: {
      'no-restricted-properties': ['error', ...timeAndChance],
      'no-restricted-globals': ['error', ...timers],
      'no-restricted-syntax': ['error', ...hiddenTimeAndChance],
      'no-restricted-imports': ['error', { paths: timerModules }],
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.test.ts'],
    rules: { 'no-restricted-properties': ['error', ...timeAndChance], 'no-restricted-globals': ['error', ...timers] },
  },
  // The peers are installed in bench/ alone, and only for `npm run bench`: without them their types are not there to ask.
  { files: ['bench/peers/**/*.ts'], extends: [tseslint.configs.disableTypeChecked] },
  { files: ['*.config.ts'], rules: { 'no-restricted-exports': 'off' } },
);
